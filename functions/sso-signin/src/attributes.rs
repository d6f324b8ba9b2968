//! The attributes that this contract keeps with a user.

use serde::{Deserialize, Serialize};

/// The attributes of a user.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub(super) ext_id: Option<i64>,
    pub(super) role: Option<Role>,
    pub(super) tags: Option<Vec<i64>>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Admin,
    Moderator,
    Editor,
}
