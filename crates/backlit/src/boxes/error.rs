//! What can be wrong with boxes.

use std::fmt;
use std::path::PathBuf;

use backlit_net::labels::LabelError;
use backlit_saliency::mask::MaskError;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1, or the element, such as `annotations[3]`.
    pub place: String,
}

impl Origin {
    pub(super) fn line(file: &std::path::Path, line: impl fmt::Display) -> Origin {
        Origin { file: file.to_owned(), place: line.to_string() }
    }
}

/// `boxes.csv:12`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.place)
    }
}

/// Boxes that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoxesError {
    /// Missing, or refused by the system.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not UTF-8.
    #[error("{}: is no text, expected CSV, COCO JSON, YOLO text or Pascal VOC XML", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// None of the formats.
    #[error(
        "{}: holds no boxes that are known: expected a .csv or .json file, or a folder of YOLO .txt or Pascal VOC \
         .xml files",
        path.display()
    )]
    Unknown {
        /// The file or folder.
        path: PathBuf,
    },
    /// Two formats in one folder.
    #[error("{}: holds both .txt and .xml files: put YOLO and Pascal VOC boxes in folders of their own", path.display())]
    Mixed {
        /// The folder.
        path: PathBuf,
    },
    /// A list without a single box.
    #[error("{}: holds not one box that can be used", path.display())]
    Nothing {
        /// The file or folder.
        path: PathBuf,
    },
    /// A row, an element or a file that makes no sense.
    #[error("{origin}: {reason}")]
    Malformed {
        /// Where.
        origin: Origin,
        /// What was expected and what was found, in one line.
        reason: String,
    },
    /// A label that names no class, or several.
    #[error("{origin}: {reason}")]
    Label {
        /// Where.
        origin: Origin,
        /// What is wrong with it.
        reason: LabelError,
    },
    /// A box that misses its photograph.
    #[error("{origin}: {reason}")]
    Outside {
        /// Where it is listed.
        origin: Origin,
        /// What is wrong with it.
        reason: MaskError,
    },
    /// A photograph that the list has in several folders, none of which fits better than the others.
    #[error(
        "{origin}: which boxes are those of {photograph:?} is ambiguous, {} fit equally well: give the photograph by a \
         path that ends as one of these does", listed.iter().map(|l| format!("{l:?}")).collect::<Vec<_>>().join(" and ")
    )]
    Ambiguous {
        /// Where the first of them is listed.
        origin: Origin,
        /// The photograph as it was given.
        photograph: String,
        /// As they are listed; at least two.
        listed: Vec<String>,
    },
    /// A photograph of the list that is not there.
    #[error("{origin}: there is no photograph {image:?} among those given")]
    NoSuchImage {
        /// Where it is listed.
        origin: Origin,
        /// As it is listed.
        image: String,
    },
}

impl BoxesError {
    pub(super) fn malformed(origin: Origin, reason: impl fmt::Display) -> BoxesError {
        let reason = reason.to_string().replace(['\n', '\r'], " ");
        BoxesError::Malformed { origin, reason }
    }
}
