//! The cross-contract suites, in one binary, since each binary links the whole AWS SDK.

mod events;
