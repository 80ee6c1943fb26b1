//! From a number between 0 and 1 to a colour: tables of 256 entries, byte for byte those of Matplotlib.

mod listed;
mod segments;

use std::fmt;
use std::str::FromStr;

use crate::FigureError;

/// 256 colours, lowest first.
pub type Table = [[u8; 3]; 256];

/// The colour of a value that is not a number: black, which is what is left of Matplotlib's transparent "bad" colour
/// when its opacity is dropped. [`overlay`](crate::overlay()) leaves the photograph untouched there instead.
pub const NAN_COLOR: [u8; 3] = [0, 0, 0];

/// A named colour table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colormap {
    /// Matplotlib's rainbow from dark blue to dark red. (OpenCV's table of that name is a different one.)
    Jet,
    /// Dark purple through green to yellow, evenly perceived; the default.
    #[default]
    Viridis,
    /// A rainbow from dark blue to dark red without jet's false edges.
    Turbo,
    /// Black through red to pale yellow.
    Inferno,
    /// Black through purple to pale yellow.
    Magma,
    /// Black to white.
    Grey,
    /// Black through red and yellow to white.
    Hot,
    /// Blue, white, red: for signed maps.
    Bwr,
    /// Dark blue, blue, white, red, dark red: for signed maps.
    Seismic,
}

impl Colormap {
    /// Every colormap, in the order in which help texts name them.
    pub const ALL: [Colormap; 9] = [
        Colormap::Viridis,
        Colormap::Jet,
        Colormap::Turbo,
        Colormap::Inferno,
        Colormap::Magma,
        Colormap::Grey,
        Colormap::Hot,
        Colormap::Bwr,
        Colormap::Seismic,
    ];

    /// The name by which it is asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Colormap::Jet => "jet",
            Colormap::Viridis => "viridis",
            Colormap::Turbo => "turbo",
            Colormap::Inferno => "inferno",
            Colormap::Magma => "magma",
            Colormap::Grey => "grey",
            Colormap::Hot => "hot",
            Colormap::Bwr => "bwr",
            Colormap::Seismic => "seismic",
        }
    }

    /// The 256 colours, lowest first.
    pub fn table(self) -> &'static Table {
        match self {
            Colormap::Jet => &segments::JET,
            Colormap::Viridis => &listed::VIRIDIS,
            Colormap::Turbo => &listed::TURBO,
            Colormap::Inferno => &listed::INFERNO,
            Colormap::Magma => &listed::MAGMA,
            Colormap::Grey => &segments::GREY,
            Colormap::Hot => &segments::HOT,
            Colormap::Bwr => &segments::BWR,
            Colormap::Seismic => &segments::SEISMIC,
        }
    }

    /// The colour of `value`: entry trunc(value x 256), clipped to 0 and 255; NaN gives [`NAN_COLOR`].
    pub fn color(self, value: f32) -> [u8; 3] {
        if value.is_nan() {
            return NAN_COLOR;
        }
        // A cast from float to integer truncates and saturates: below 0 gives 0, above 255 is clipped here.
        self.table()[((value * 256.0) as usize).min(255)]
    }

    /// Whether the table has two arms about a neutral middle, as signed maps need.
    pub fn is_diverging(self) -> bool {
        matches!(self, Colormap::Bwr | Colormap::Seismic)
    }
}

impl fmt::Display for Colormap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Colormap {
    type Err = FigureError;

    /// Reads a name; case does not matter, and `gray` is `grey`.
    fn from_str(text: &str) -> Result<Colormap, FigureError> {
        let name = text.trim().to_ascii_lowercase();
        let name = if name == "gray" { "grey" } else { &name };
        Colormap::ALL
            .into_iter()
            .find(|colormap| colormap.as_str() == name)
            .ok_or_else(|| FigureError::UnknownColormap { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::crc32;

    /// CRC-32 of `np.uint8(colormap(np.arange(256))[:, :3] * 255)` in Matplotlib 3.11.2.
    const MATPLOTLIB: [(Colormap, u32); 9] = [
        (Colormap::Jet, 0x49d4_ba7c),
        (Colormap::Hot, 0x2d05_d2f4),
        (Colormap::Bwr, 0x2364_6d1a),
        (Colormap::Seismic, 0x5348_f0a2),
        (Colormap::Grey, 0x48e9_e279),
        (Colormap::Viridis, 0x89b8_5291),
        (Colormap::Inferno, 0x01c0_6a82),
        (Colormap::Magma, 0xef85_dafa),
        (Colormap::Turbo, 0x8e25_31a0),
    ];

    #[test]
    fn tables_equal_matplotlibs_byte_for_byte() {
        for (colormap, expected) in MATPLOTLIB {
            let bytes: Vec<u8> = colormap.table().iter().flatten().copied().collect();
            assert_eq!(crc32(&bytes), expected, "{colormap}");
        }
        assert_eq!(Colormap::Viridis.table()[0], [68, 1, 84]);
        assert_eq!(Colormap::Turbo.table()[128], [164, 252, 59]);
        assert_eq!(Colormap::Hot.table()[1], [13, 0, 0]);
        assert_eq!(Colormap::Seismic.table()[255], [127, 0, 0]);
    }

    #[test]
    fn blue_of_jet_rises_saturates_and_falls() {
        let blue = |n: usize| Colormap::Jet.table()[n][2];
        assert_eq!([0, 1, 2, 3].map(blue), [127, 132, 136, 141]);
        assert_eq!([28, 29].map(blue), [254, 255]);
        assert!((29..=86).all(|n| blue(n) == 255));
        assert_eq!([87, 88, 89].map(blue), [254, 250, 247]);
        assert_eq!([165, 166].map(blue), [2, 0]);
        assert!((166..256).all(|n| blue(n) == 0));
    }

    #[test]
    fn lookup_truncates_and_clips() {
        let grey = |value: f32| Colormap::Grey.color(value)[0];
        let index = |value: f32| (0..256).find(|&n| Colormap::Grey.table()[n][0] == grey(value)).unwrap();
        assert_eq!(index(0.0), 0);
        assert_eq!(index(1.0 / 256.0), 1);
        assert_eq!(index(f32::from_bits((1.0f32 / 256.0).to_bits() - 1)), 0);
        assert_eq!(index(0.5), 128);
        assert_eq!(index(1.0), 255);
        for (value, expected) in [(-1.0, 0), (2.0, 255), (f32::INFINITY, 255), (f32::NEG_INFINITY, 0)] {
            assert_eq!(index(value), expected, "{value}");
        }
        assert_eq!(Colormap::Viridis.color(f32::NAN), NAN_COLOR);
    }

    #[test]
    fn names_round_trip_and_unknown_ones_are_refused() {
        for colormap in Colormap::ALL {
            assert_eq!(colormap.as_str().parse::<Colormap>().unwrap(), colormap);
            assert_eq!(colormap.as_str().to_uppercase().parse::<Colormap>().unwrap(), colormap);
        }
        assert_eq!("gray".parse::<Colormap>().unwrap(), Colormap::Grey);
        let message = "rainbow".parse::<Colormap>().unwrap_err().to_string();
        assert!(message.contains("rainbow") && message.contains("viridis") && message.contains("seismic"), "{message}");
    }
}
