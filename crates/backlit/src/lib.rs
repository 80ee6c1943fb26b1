//! Backlit as a library.
#![forbid(unsafe_code)]

pub mod sources;
