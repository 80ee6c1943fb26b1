//! Which boxes belong to which photograph: by file name, else by the name without its extension.

use std::collections::HashMap;

/// Places of the entries by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: HashMap<String, Vec<usize>>,
    /// Only stems that belong to one name: `cat.jpg` and `cat.png` of one list are two photographs.
    by_stem: HashMap<String, Vec<usize>>,
}

impl Names {
    pub(super) fn new<'a>(images: impl Iterator<Item = &'a str>) -> Names {
        let mut names = Names::default();
        for (i, image) in images.enumerate() {
            names.by_name.entry(file_name(image).to_owned()).or_default().push(i);
        }
        let mut shared: HashMap<&str, usize> = HashMap::new();
        names.by_name.keys().for_each(|name| *shared.entry(stem(name)).or_default() += 1);
        let alone = names.by_name.iter().filter(|(name, _)| shared[stem(name)] == 1);
        names.by_stem = alone.map(|(name, places)| (stem(name).to_owned(), places.clone())).collect();
        names
    }

    /// Places of the entries of a photograph, in their order.
    pub(super) fn find(&self, name: &str) -> &[usize] {
        let name = file_name(name);
        self.by_name.get(name).or_else(|| self.by_stem.get(stem(name))).map_or(&[], Vec::as_slice)
    }
}

/// What follows the last separator; lists made on another system may use the other one.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Extensions that are one: in `n01440764_10026.v2` there is none.
const EXTENSIONS: [&str; 10] = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "txt", "xml"];

fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) => stem,
        _ => name,
    }
}
