//! Which boxes belong to which photograph: by file name, else by the name without its extension; among several listed
//! paths of one name by how many folders above it agree.

use std::collections::HashMap;

/// One photograph of the list: its path, and the places of its entries.
#[derive(Debug)]
struct Listed {
    /// From the file name upwards.
    parts: Vec<String>,
    places: Vec<usize>,
}

/// Places of the entries by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: HashMap<String, Vec<Listed>>,
    /// Only stems that belong to one name: `cat.jpg` and `cat.png` of one list are two photographs. The value is that
    /// name.
    by_stem: HashMap<String, String>,
}

/// What a list holds of a photograph.
#[derive(Debug)]
pub(super) enum Match<'a> {
    /// Places of its entries, in their order; none if it is not listed.
    Clear(&'a [usize]),
    /// Places of the entries of several listed photographs that fit equally well.
    Ambiguous(Vec<&'a [usize]>),
}

impl Names {
    pub(super) fn new<'a>(images: impl Iterator<Item = &'a str>) -> Names {
        let mut names = Names::default();
        for (i, image) in images.enumerate() {
            let parts: Vec<String> = upwards(image).map(str::to_owned).collect();
            let of_name = names.by_name.entry(parts.first().cloned().unwrap_or_default()).or_default();
            match of_name.iter_mut().find(|listed| listed.parts == parts) {
                Some(listed) => listed.places.push(i),
                None => of_name.push(Listed { parts, places: vec![i] }),
            }
        }
        let mut shared: HashMap<&str, usize> = HashMap::new();
        names.by_name.keys().for_each(|name| *shared.entry(stem(name)).or_default() += 1);
        let alone = names.by_name.keys().filter(|name| shared[stem(name)] == 1);
        names.by_stem = alone.map(|name| (stem(name).to_owned(), name.clone())).collect();
        names
    }

    /// What is listed of a photograph.
    pub(super) fn find(&self, path: &str) -> Match<'_> {
        let own = upwards(path).next().unwrap_or_default();
        let by_stem = || self.by_stem.get(stem(own)).and_then(|name| self.by_name.get(name));
        let candidates = self.by_name.get(own).or_else(by_stem).map_or(&[][..], Vec::as_slice);
        // The file name agrees already. Of equals, one that agrees as far as it goes contradicts nothing.
        let fit = |listed: &Listed| {
            let folders = listed.parts.iter().skip(1);
            let common = folders.zip(upwards(path).skip(1)).take_while(|(a, b)| a == b).count();
            (common, common + 1 == listed.parts.len())
        };
        let best = candidates.iter().map(fit).max();
        let mut places = candidates.iter().filter(|listed| Some(fit(listed)) == best).map(|l| &l.places[..]);
        match (places.next(), places.next()) {
            (first, None) => Match::Clear(first.unwrap_or_default()),
            (first, second) => Match::Ambiguous(first.into_iter().chain(second).chain(places).collect()),
        }
    }
}

/// The parts of a path from the file name upwards; lists made on another system may use the other separator.
fn upwards(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit(['/', '\\']).filter(|part| !part.is_empty() && *part != ".")
}

/// Extensions that are one: in `n01440764_10026.v2` there is none.
const EXTENSIONS: [&str; 10] = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "txt", "xml"];

fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) => stem,
        _ => name,
    }
}
