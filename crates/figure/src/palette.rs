//! The few colours of pages and text.

/// Paper.
pub(crate) const PAPER: [u8; 3] = [255, 255, 255];
/// Behind a picture that does not fill its cell.
pub(crate) const MAT: [u8; 3] = [246, 245, 242];
/// Text.
pub(crate) const INK: [u8; 3] = [38, 38, 42];
/// Text of second rank.
pub(crate) const QUIET: [u8; 3] = [118, 118, 124];
/// The class that the picture is about.
pub(crate) const ACCENT: [u8; 3] = [196, 22, 28];
/// Lines between parts of a page.
pub(crate) const RULE: [u8; 3] = [222, 220, 214];
/// The track of a bar that shows a share.
pub(crate) const TRACK: [u8; 3] = [236, 235, 230];
/// A bar that shows a share.
pub(crate) const BAR: [u8; 3] = [150, 160, 178];
/// Matplotlib's `wheat`, the box of the labels.
pub(crate) const WHEAT: [u8; 3] = [245, 222, 179];
