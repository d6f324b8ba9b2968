//! The Lambda entry of the mailer.

fn main() {}
