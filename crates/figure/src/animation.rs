//! Pictures one after another: an animated GIF, written while the pictures come in.

use std::io::Write;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbaImage};

use crate::{FigureError, Picture};

/// How hard the search for a palette is: 1 takes longest, 30 is worst. 10 is the usual middle.
const SPEED: i32 = 10;

/// An animated GIF that repeats for ever, each frame with its own palette of 256 colours. One frame is in memory.
pub struct Gif<W: Write> {
    encoder: GifEncoder<W>,
    size: Option<(usize, usize)>,
}

impl<W: Write> Gif<W> {
    /// Begins an animation.
    ///
    /// # Errors
    /// [`FigureError::Encode`] if nothing can be written.
    pub fn new(writer: W) -> Result<Gif<W>, FigureError> {
        let mut encoder = GifEncoder::new_with_speed(writer, SPEED);
        encoder.set_repeat(Repeat::Infinite).map_err(encode)?;
        Ok(Gif { encoder, size: None })
    }

    /// Adds a picture, shown for `milliseconds` (GIF counts hundredths of a second).
    ///
    /// # Errors
    /// [`FigureError::FrameSize`] unless it is as large as the first one, which [`Picture::letterboxed`] can make it;
    /// [`FigureError::Encode`].
    pub fn push(&mut self, picture: &Picture, milliseconds: u32) -> Result<(), FigureError> {
        let own = (picture.width, picture.height);
        let size = *self.size.get_or_insert(own);
        if size != own {
            return Err(FigureError::FrameSize { expected: size, found: own });
        }
        let rgba = picture.rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let image = RgbaImage::from_raw(own.0 as u32, own.1 as u32, rgba)
            .ok_or_else(|| encode("the picture's fields do not agree"))?;
        let delay = Delay::from_numer_denom_ms(milliseconds, 1);
        self.encoder.encode_frame(Frame::from_parts(image, 0, 0, delay)).map_err(encode)
    }
}

fn encode(reason: impl std::fmt::Display) -> FigureError {
    FigureError::Encode { what: "an animated GIF", reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;

    use super::*;

    #[test]
    fn frames_come_back_in_order() {
        let mut bytes = Vec::new();
        let mut gif = Gif::new(&mut bytes).unwrap();
        let colors = [[250, 10, 20], [10, 240, 30], [0, 0, 200]];
        for color in colors {
            gif.push(&Picture::filled(20, 10, color).unwrap(), 120).unwrap();
        }
        let larger = Picture::filled(21, 10, [0; 3]).unwrap();
        assert!(matches!(gif.push(&larger, 120), Err(FigureError::FrameSize { .. })));
        drop(gif);
        let frames: Vec<_> =
            GifDecoder::new(std::io::Cursor::new(bytes)).unwrap().into_frames().map(Result::unwrap).collect();
        assert_eq!(frames.len(), 3);
        for (frame, color) in frames.iter().zip(colors) {
            assert_eq!(frame.delay().numer_denom_ms(), (120, 1));
            assert_eq!(frame.buffer().dimensions(), (20, 10));
            let pixel = frame.buffer().get_pixel(5, 5).0;
            assert!((0..3).all(|c| pixel[c].abs_diff(color[c]) <= 8), "{pixel:?} for {color:?}");
        }
    }
}
