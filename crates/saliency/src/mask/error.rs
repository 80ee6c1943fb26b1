//! What can be wrong with a mask.

use backlit_net::{IMAGE_LEN, SIDE};

/// A mask that cannot be read or selects nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// Not `ROWS,COLUMNS` with a colon in each.
    #[error("{text:?} is no pair of slices: {reason}; write ROWS,COLUMNS such as 32:55,116:146")]
    Slices {
        /// As it was typed.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Slices that select no pixel.
    #[error(
        "{text:?} selects nothing: its {axis} are {start}:{stop} of 0:{SIDE}, and the start must come before the stop"
    )]
    EmptySlices {
        /// As it was typed.
        text: String,
        /// `rows` or `columns`.
        axis: &'static str,
        /// First row or column after clipping to the grid.
        start: usize,
        /// One past the last.
        stop: usize,
    },
    /// Not `X,Y,WIDTH,HEIGHT`.
    #[error("{text:?} is no box: write X,Y,WIDTH,HEIGHT in pixels of the photograph, width and height above 0")]
    Box {
        /// As it was typed.
        text: String,
    },
    /// A box that misses the photograph.
    #[error("box {area} is outside the picture: the picture is {width} x {height} pixels")]
    BoxOutside {
        /// The box.
        area: String,
        /// Columns of the photograph.
        width: usize,
        /// Rows of the photograph.
        height: usize,
    },
    /// A box in a part of the photograph that preprocessing cuts off.
    #[error(
        "box {area} is outside the part of the picture that the network sees, which is {frame} of {width} x {height} \
         pixels: move the box or resize without cropping"
    )]
    BoxUnseen {
        /// The box.
        area: String,
        /// The visible part, in the same form.
        frame: String,
        /// Columns of the photograph.
        width: usize,
        /// Rows of the photograph.
        height: usize,
    },
    /// A mask picture without a light pixel in view.
    #[error("the mask picture marks nothing: the object must be white (128 or lighter), the rest black")]
    BlackPicture,
    /// A region without pixels.
    #[error("the region is empty: it must hold at least one pixel")]
    EmptyRegion,
    /// A region of another grid.
    #[error("a region is {SIDE} x {SIDE} = {} pixels, found {found}", SIDE * SIDE)]
    RegionLength {
        /// Pixels found.
        found: usize,
    },
    /// A picture of another size.
    #[error("a picture for the network is {SIDE} x {SIDE} x 3 = {IMAGE_LEN} bytes, found {found}")]
    PictureLength {
        /// Bytes found.
        found: usize,
    },
    /// An imputation whose lengths do not agree.
    #[error(
        "a {height} x {width} picture has that many flags and three times as many values, found {flags} and {values}"
    )]
    ImputeShape {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Flags passed.
        flags: usize,
        /// Values passed.
        values: usize,
    },
    /// An imputation without anything to go by.
    #[error("all pixels are missing: at least one must be known to impute the others")]
    ImputeNothing,
    /// A NaN or an infinity among the known pixels.
    #[error("the pixel at row {row}, column {column} is not finite: every known pixel must be")]
    ImputeNonFinite {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
    },
}
