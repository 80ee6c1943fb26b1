//! Saving pictures as PNG, whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use backlit_net::files::{Sync, write_whole};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::{FigureError, Picture, View};

impl Picture {
    /// Writes the picture to `path` as an 8-bit RGB PNG, replacing what is there.
    ///
    /// The bytes go to a temporary file in the same folder, which then takes the name: a reader never sees half a
    /// picture, and on failure whatever was there before stays.
    ///
    /// # Errors
    /// [`FigureError::Write`] when the folder is missing, unwritable or full; [`FigureError::PictureLength`] when the
    /// fields of the picture do not agree.
    pub fn save_png(&self, path: &Path) -> Result<(), FigureError> {
        self.view().check()?;
        write_whole(path, Sync::No, |file| encode(self.view(), file))
            .map_err(|source| FigureError::Write { path: path.to_owned(), source })
    }

    /// The picture as the bytes of a PNG file.
    ///
    /// # Errors
    /// [`FigureError::PictureLength`] when the fields of the picture do not agree.
    pub fn to_png(&self) -> Result<Vec<u8>, FigureError> {
        self.view().check()?;
        let mut bytes = Vec::new();
        encode(self.view(), &mut bytes).map_err(|source| FigureError::Write { path: "memory".into(), source })?;
        Ok(bytes)
    }
}

fn encode(view: View<'_>, to: &mut impl Write) -> io::Result<()> {
    let side = |length: usize| u32::try_from(length).map_err(|_| io::Error::other("too large for a PNG"));
    PngEncoder::new(to).write_image(view.rgb, side(view.width)?, side(view.height)?, ExtendedColorType::Rgb8).map_err(
        |error| match error {
            image::ImageError::IoError(error) => error,
            other => io::Error::other(other),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_read_back_is_what_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = Picture::new(3, 2, (0..18).map(|n| n * 14).collect()).unwrap();
        picture.save_png(&path).unwrap();
        picture.save_png(&path).unwrap();
        let read = image::open(&path).unwrap().into_rgb8();
        assert_eq!((read.width(), read.height()), (3, 2));
        assert_eq!(read.into_raw(), picture.rgb);
        assert_eq!(names(folder.path()), ["a.png"]);
        assert_eq!(fs::read(&path).unwrap(), picture.to_png().unwrap());
    }

    #[test]
    fn failures_name_the_path_in_one_line_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::filled(2, 2, [5; 3]).unwrap();
        fs::create_dir(folder.path().join("taken.png")).unwrap();
        for path in [folder.path().join("missing/a.png"), folder.path().join("taken.png")] {
            let message = picture.save_png(&path).unwrap_err().to_string();
            assert!(message.contains(&path.display().to_string()) && !message.contains('\n'), "{message}");
            assert!(!message.contains(".backlit-"), "{message}");
        }
        assert_eq!(names(folder.path()), ["taken.png"]);
        let broken = Picture { width: 2, height: 2, rgb: vec![0; 5] };
        assert!(broken.save_png(&folder.path().join("b.png")).is_err());
        assert_eq!(names(folder.path()), ["taken.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_file_as_far_as_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("a.png"), folder.path().join("b"));
        Picture::filled(1, 1, [0; 3]).unwrap().save_png(&ours).unwrap();
        fs::write(&plain, "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
