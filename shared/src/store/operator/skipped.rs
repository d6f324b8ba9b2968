//! Items that an operator's command passes over.

use serde::Serialize;

/// The most items that are named.
const MAX_NAMED: usize = 10;

/// The most characters of an item's name.
const MAX_CHARACTERS: usize = 100;

/// Items that a command passes over, since Postern did not write them or they cannot be written: how many, and
/// the first of them. Their names may hold any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// How many there are.
    pub count: usize,
    /// The names of the first ones, each cut after 100 characters.
    pub first: Vec<String>,
}

impl Skipped {
    /// Adds an item.
    pub fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push(name.chars().take(MAX_CHARACTERS).collect());
        }
    }

    /// Adds the items of another part.
    pub fn append(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(MAX_NAMED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_and_long_names_are_counted_and_cut() {
        let mut skipped = Skipped::default();
        for _ in 0..7 {
            skipped.add(&"ü".repeat(2000));
        }
        skipped.append(skipped.clone());
        assert_eq!((skipped.count, skipped.first.len()), (14, MAX_NAMED));
        skipped.add("x");
        assert_eq!((skipped.count, skipped.first.len()), (15, MAX_NAMED));
        assert!(skipped.first.iter().all(|name| *name == "ü".repeat(MAX_CHARACTERS)));
    }
}
