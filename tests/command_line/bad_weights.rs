//! Weights that are none: one line, and nothing written.

use std::sync::LazyLock;

use backlit_net::Variant;
use backlit_net::weights::Naming;
use backlit_testkit::synthetic::weights_bytes;

use crate::support::Place;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| weights_bytes(Variant::V1_5, Naming::Torchvision, 11));

/// Refused by every command that would use it.
fn refused(name: &str, bytes: &[u8], says: &[&str]) {
    let place = Place::new();
    place.write(name, bytes);
    let all = [&[name], says].concat();
    place.run(&format!("explain {{cat}} -o out --weights {name}")).fails(1, &all);
    place.run(&format!("weights info {name}")).fails(1, &all);
    place.run(&format!("weights verify {name}")).fails(1, &all);
    place.run(&format!("weights convert {name} converted.safetensors")).fails(1, &all);
    assert_eq!(place.files(), [name]);
}

#[test]
fn not_a_number() {
    let mut bytes = WHOLE.clone();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    refused("nan.safetensors", &bytes, &["fc.bias", "NaN at element 999", "finite"]);
}

#[test]
fn of_the_wrong_shape() {
    let mut bytes = WHOLE.clone();
    let shape = b"[64, 3, 7, 7]";
    let at = bytes.windows(shape.len()).position(|w| w == shape).expect("the first convolution's shape");
    bytes[at..at + shape.len()].copy_from_slice(b"[64, 7, 7, 3]");
    refused("shape.safetensors", &bytes, &["conv1.weight", "[64, 7, 7, 3]", "expected [64, 3, 7, 7]"]);
}

#[test]
fn truncated() {
    refused("cut.safetensors", &WHOLE[..WHOLE.len() / 2], &["truncated"]);
    refused("header.safetensors", &WHOLE[..100], &["truncated"]);
    refused("empty.safetensors", b"", &["truncated"]);
}

#[test]
fn something_else() {
    refused("text.safetensors", b"These are not the weights you are looking for.\n", &["no safetensors file"]);
    let place = Place::new();
    place.run("predict {cat} --weights nowhere.safetensors").fails(1, &["nowhere.safetensors", "no such weights file"]);
    place.run("weights fetch --from nowhere.safetensors").fails(1, &["nowhere.safetensors", "no such weights file"]);
}
