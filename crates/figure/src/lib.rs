//! Pictures from saliency maps.
//!
//! - [`Colormap`]: from a number to a colour, byte for byte as Matplotlib does it;
//! - [`heat`] and [`overlay()`]: a map alone, and a map over its photograph;
//! - [`side_by_side`]: the photograph beside its overlay, with the best classes in a box;
//! - [`ContactSheet`], [`Sheet`] and [`MaskSheet`]: many pictures on a page;
//! - [`plot::Plot`]: curves with their intervals, and [`plot::roofline::Roofline`]: speeds under what a machine allows;
//! - [`Report`]: an audit as one HTML page;
//! - [`keras_vis_041`]: the exact bytes that keras-vis 0.4.1 would have made.
//!
//! Everything is 8-bit RGB ([`Picture`]); [`Picture::save_png`] writes it, whole or not at all. Nothing is printed.
#![forbid(unsafe_code)]

mod animation;
mod block;
mod canvas;
pub mod colormap;
mod contact_sheet;
mod error;
mod guess;
mod heat;
pub mod keras_vis_041;
mod legend;
mod mark;
mod mask_sheet;
mod overlay;
mod palette;
mod picture;
pub mod plot;
mod png;
mod range;
mod report;
mod resize;
mod sample;
mod sheet;
mod side_by_side;
#[cfg(test)]
mod testing;
mod text;

pub use animation::Gif;
pub use block::{Line, Tone};
pub use colormap::Colormap;
pub use contact_sheet::{ContactSheet, ContactSheetOptions};
pub use error::FigureError;
pub use guess::{Guess, probability_text};
pub use heat::{heat, heat_at};
pub use legend::{legend, with_legend};
pub use mark::{outline, with_caption};
pub use mask_sheet::{MaskSheet, MaskVariant};
pub use overlay::{Outside, OverlayOptions, overlay};
pub use picture::{Picture, View};
pub use range::{Range, Scale};
pub use report::{Report, ReportEntry, ReportHead};
pub use sample::Coloring;
pub use sheet::{Cell, Row, Sheet};
pub use side_by_side::{PANEL_MAX, PANEL_MIN, SideBySideOptions, side_by_side};
