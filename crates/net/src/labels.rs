//! The 1000 classes.
