//! The cost of a new hash.

use argon2::Params;

use super::argon2id;
use super::limits::{MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_WORK};
use crate::environment::{ConfigError, Environment};

/// The cost of a new hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost(pub(super) Params);

impl Cost {
    /// 19 MiB and two passes: the OWASP Password Storage Cheat Sheet, ASVS 5.
    pub const DEFAULT: Self = match Params::new(19_456, 2, 1, Some(32)) {
        Ok(params) => Self(params),
        Err(_) => panic!("Argon2 defines this cost"),
    };

    /// Reads `ARGON2_MEMORY_KIB` and `ARGON2_ITERATIONS`: no less than the default, and no more than a stored
    /// hash may cost.
    ///
    /// # Errors
    /// If a variable is malformed or out of bounds, or if the two together cost too much.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let least = Self::DEFAULT.0;
        let memory = env.number("ARGON2_MEMORY_KIB", least.m_cost(), least.m_cost(), MAX_MEMORY_KIB)?;
        let passes = env.number("ARGON2_ITERATIONS", least.t_cost(), least.t_cost(), MAX_ITERATIONS)?;
        let params = Params::new(memory, passes, least.p_cost(), least.output_len());
        match params {
            Ok(params) if argon2id::work(&params) <= MAX_WORK => Ok(Self(params)),
            _ => Err(ConfigError::new(
                "ARGON2_ITERATIONS",
                format!("times ARGON2_MEMORY_KIB must not be over {MAX_WORK}"),
            )),
        }
    }

    /// Returns the work of a new hash: how many blocks of one KiB it fills.
    pub(super) const fn work(&self) -> u32 {
        argon2id::work(&self.0)
    }
}
