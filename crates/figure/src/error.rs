//! What can be wrong with a picture asked for.

use std::path::PathBuf;

/// A picture that cannot be made or saved, with what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// A picture without pixels, or of a number of bytes that does not match its sides.
    #[error("a {width} x {height} picture needs {expected} bytes of RGB and at least one pixel, found {found}")]
    PictureLength {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes that the sides call for.
        expected: usize,
        /// Bytes passed.
        found: usize,
    },
    /// A map without values, or of a number of values that does not match its sides.
    #[error("a {height} x {width} x {channels} map with {found} values cannot be drawn: pass height x width x 1 or 3")]
    MapShape {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
        /// Values passed.
        found: usize,
    },
    /// A frame that shows no part of the photograph.
    #[error("the frame {width} x {height} at ({x}, {y}) shows nothing: pass finite numbers, both sides above zero")]
    Frame {
        /// Left edge, pixels of the photograph.
        x: f64,
        /// Top edge.
        y: f64,
        /// Columns.
        width: f64,
        /// Rows.
        height: f64,
    },
    /// Ends of the colour scale in the wrong order, equal, or not finite.
    #[error("the colour scale from {low} to {high} is unusable: pass two finite numbers, the lower one first")]
    Range {
        /// Value drawn in the lowest colour.
        low: f32,
        /// Value drawn in the highest colour.
        high: f32,
    },
    /// A frame of an animation that is not as large as the first.
    #[error("a frame of {} x {} pixels does not fit an animation of {} x {}: all frames must be of one size",
        found.0, found.1, expected.0, expected.1)]
    FrameSize {
        /// Columns and rows of the first frame.
        expected: (usize, usize),
        /// Columns and rows of this one.
        found: (usize, usize),
    },
    /// The encoder refused, or what it writes to did.
    #[error("cannot encode {what}: {reason}")]
    Encode {
        /// What was to be encoded.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// An opacity outside 0 to 1.
    #[error("the opacity of the map is {found}: pass a number from 0 (photograph only) to 1 (map only)")]
    Opacity {
        /// What was passed.
        found: f32,
    },
    /// No colormap has this name.
    #[error(
        "there is no colormap `{text}`: choose viridis, jet, turbo, inferno, magma, grey, hot, or for signed maps bwr \
         or seismic"
    )]
    UnknownColormap {
        /// What was asked for.
        text: String,
    },
    /// A gradient of the wrong number of values.
    #[error("the gradient holds {found} floats, expected height x width x 3 = {height} x {width} x 3")]
    GradientLength {
        /// Rows asked for.
        height: usize,
        /// Columns asked for.
        width: usize,
        /// Floats passed.
        found: usize,
    },
    /// The gradient makes no map.
    #[error(transparent)]
    Map(#[from] backlit_saliency::MapError),
    /// The blur of the keras-vis pictures was refused.
    #[error(transparent)]
    Smooth(#[from] backlit_saliency::smooth::SmoothError),
    /// A sheet with nothing on it.
    #[error("the sheet is empty: add at least one row with at least one cell")]
    EmptySheet,
    /// Curves that cannot be drawn.
    #[error("the plot cannot be drawn: {problem}")]
    Plot {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A layout that leaves no room for its contents or asks for more memory than is sensible.
    #[error(
        "a {width} x {height} picture is out of bounds: each side must be 1 to {} pixels, both together at most {}",
        crate::picture::MAX_SIDE,
        crate::picture::MAX_PIXELS
    )]
    Size {
        /// Columns asked for.
        width: usize,
        /// Rows asked for.
        height: usize,
    },
    /// The file could not be written; nothing is left under its name that was not there before.
    #[error("cannot write {}: {source}; check that the folder exists, is writable and has room", path.display())]
    Write {
        /// Where the picture was to go.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
