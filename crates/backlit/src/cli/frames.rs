//! Animated GIFs as sources: every frame a photograph.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, ImageDecoder};
use tempfile::TempDir;

use super::failure::Failure;
use super::inputs::Source;

/// Larger frames are refused before they are decoded.
const MOST_PIXELS: u64 = 50_000_000;

/// The sources, each animated GIF replaced by its frames, which lie in a temporary folder.
pub(crate) struct Frames {
    pub(crate) sources: Vec<Source>,
    /// How long the first animation shows its first frame.
    pub(crate) milliseconds: Option<u32>,
    /// Gone when the run ends.
    _folder: Option<TempDir>,
}

impl Frames {
    /// Sources that are taken as they are.
    pub(crate) fn still(sources: Vec<Source>) -> Frames {
        Frames { sources, milliseconds: None, _folder: None }
    }
}

/// Unrolls the animations among the sources.
///
/// # Errors
/// An animation that cannot be read.
pub(crate) fn unroll(sources: Vec<Source>) -> Result<Frames, Failure> {
    let folder = TempDir::new()?;
    let mut found = Vec::new();
    let mut milliseconds = None;
    for (at, source) in sources.into_iter().enumerate() {
        let path = source.path().filter(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("gif")));
        match path.map(|path| unroll_one(&source, path, folder.path(), at)).transpose()? {
            Some((frames, shown)) if frames.len() > 1 => {
                milliseconds = milliseconds.or(Some(shown));
                found.extend(frames);
            }
            _ => found.push(source),
        }
    }
    Ok(Frames { sources: found, milliseconds, _folder: Some(folder) })
}

fn unroll_one(source: &Source, path: &Path, folder: &Path, at: usize) -> Result<(Vec<Source>, u32), Failure> {
    let error = |reason: String| Failure::Message(format!("{}: cannot read the animation: {reason}", source.name));
    let file = BufReader::new(File::open(path).map_err(|e| error(e.kind().to_string()))?);
    let decoder = GifDecoder::new(file).map_err(|e| error(e.to_string()))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(error(format!("{width} x {height} pixels are too many")));
    }
    let (mut frames, mut milliseconds) = (Vec::new(), 100);
    for (number, frame) in (1..).zip(decoder.into_frames()) {
        let frame = frame.map_err(|e| error(format!("frame {number}: {e}")))?;
        if number == 1 {
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            milliseconds = (numerator / denominator.max(1)).max(20);
        }
        let path = folder.join(format!("{at}-{number:05}.png"));
        let rgb = image::DynamicImage::ImageRgba8(frame.into_buffer()).into_rgb8();
        rgb.save(&path).map_err(|e| error(e.to_string()))?;
        frames.push(source.frame(number, path));
    }
    Ok((frames, milliseconds))
}
