//! Values of flags: numbers within bounds, blocks of the network, baselines.

use std::path::PathBuf;
use std::str::FromStr;

use backlit::net::{Network, Tap, Variant};

/// A number above zero.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    number(text, "above 0", |v| v > 0.0)
}

/// Zero or more.
pub(crate) fn at_least_zero(text: &str) -> Result<f64, String> {
    number(text, "at least 0", |v| v >= 0.0)
}

/// More than 0, at most 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    number(text, "above 0 and at most 1", |v| v > 0.0 && v <= 1.0)
}

/// A percentage above 50 and at most 100.
pub(crate) fn percentile(text: &str) -> Result<f64, String> {
    number(text, "above 50 and at most 100", |v| v > 50.0 && v <= 100.0)
}

fn number(text: &str, expected: &str, good: impl Fn(f64) -> bool) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && good(value) => Ok(value),
        _ => Err(format!("expected a number {expected}")),
    }
}

/// A block: `5c`, `layer4.2`, `conv5_block3_out`, or a whole stage, `layer4`, for the last of its blocks.
pub(crate) fn layer(text: &str) -> Result<Tap, String> {
    // The names are the same in every variant.
    let network = Network::of(Variant::V1);
    let name = text.trim().to_ascii_lowercase();
    let found = Tap::by_name(network, &name).or_else(|| {
        let last = network.blocks.iter().rev().find(|b| b.torchvision_name().split('.').next() == Some(&name))?;
        Some(Tap::Block(last.index))
    });
    let applications = || {
        let (stage, rest) = name.strip_prefix("conv")?.split_once("_block")?;
        let index: usize = rest.strip_suffix("_out")?.parse().ok()?;
        let stage: usize = stage.parse().ok()?;
        let torchvision = format!("layer{}.{}", stage.checked_sub(1)?, index.checked_sub(1)?);
        Tap::by_name(network, &torchvision)
    };
    found.or_else(applications).ok_or_else(|| {
        "no such block: they are 2a to 2c, 3a to 3d, 4a to 4f, 5a to 5c (layer1.0 to layer4.2), or layer1 to layer4"
            .into()
    })
}

/// A baseline as it is typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BaselineArg {
    Black,
    White,
    Mean,
    Blur(f64),
    /// `None` takes the run's seed.
    Noise(Option<u64>),
    /// A picture, or a folder of pictures.
    Path(PathBuf),
}

/// Standard deviation of a blurred baseline unless one is given, in pixels.
const BLUR: f64 = 10.0;

impl FromStr for BaselineArg {
    type Err = String;

    fn from_str(text: &str) -> Result<BaselineArg, String> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match (name.to_ascii_lowercase().as_str(), value) {
            ("black", None) => Ok(BaselineArg::Black),
            ("white", None) => Ok(BaselineArg::White),
            ("mean", None) => Ok(BaselineArg::Mean),
            ("blur", value) => Ok(BaselineArg::Blur(value.map_or(Ok(BLUR), positive)?)),
            ("noise", None) => Ok(BaselineArg::Noise(None)),
            ("noise", Some(seed)) => match seed.parse() {
                Ok(seed) => Ok(BaselineArg::Noise(Some(seed))),
                Err(_) => Err("noise:SEED has a whole number for a seed".into()),
            },
            _ => {
                let path = PathBuf::from(text);
                match path.exists() {
                    true => Ok(BaselineArg::Path(path)),
                    false => Err("expected black, white, mean, blur, blur:SIGMA, noise, noise:SEED or a picture that \
                                  exists"
                        .into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_several_names() {
        for (names, block) in [
            (&["2a", "layer1.0", "conv2_block1_out"][..], 0),
            (&["4f", "layer3.5", "layer3", "conv4_block6_out"], 12),
            (&["5c", "layer4.2", "LAYER4", "conv5_block3_out"], 15),
        ] {
            for name in names {
                assert_eq!(layer(name), Ok(Tap::Block(block)), "{name}");
            }
        }
        for name in ["", "6a", "layer5", "layer4.3", "conv5_block4_out", "conv1_block1_out", "conv0_block0_out"] {
            assert!(layer(name).is_err(), "{name}");
        }
    }

    #[test]
    fn baselines() {
        assert_eq!("blur:2.5".parse(), Ok(BaselineArg::Blur(2.5)));
        assert_eq!("Blur".parse(), Ok(BaselineArg::Blur(10.0)));
        assert_eq!("noise:7".parse(), Ok(BaselineArg::Noise(Some(7))));
        for text in ["pink", "blur:0", "blur:nan", "noise:x", "black:1", ""] {
            assert!(text.parse::<BaselineArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn bounds() {
        assert_eq!((positive("2"), share("1")), (Ok(2.0), Ok(1.0)));
        assert!(positive("0").is_err() && share("1.1").is_err() && at_least_zero("-1").is_err());
        assert!(percentile("50").is_err() && percentile("inf").is_err() && percentile("99") == Ok(99.0));
    }
}
