//! Localisation.
