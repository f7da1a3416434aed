//! The card: its number, its live code, its picture.
