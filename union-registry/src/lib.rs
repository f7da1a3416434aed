//! Who belongs to the union.
