//! Weights files, good and bad, at full size.

use std::fs;

use backlit_net::Variant;
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::{CASCADE, Claims, Naming, Problem, Weights};
use backlit_testkit::synthetic::weights_bytes;
use safetensors::SafeTensors;
use serde_json::{Map, Value};

fn good() -> Vec<u8> {
    weights_bytes(Variant::V1, Naming::Keras, 11)
}

fn problem(bytes: Vec<u8>) -> Problem {
    let error = Weights::from_bytes(bytes, "test file").expect_err("these weights are bad");
    assert!(error.to_string().starts_with("test file: "), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    error.problem
}

/// The file with its header rewritten by `edit`.
fn with_header(bytes: &[u8], edit: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Map<String, Value> = serde_json::from_slice(&bytes[8..end]).unwrap();
    edit(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[end..]].concat()
}

fn renamed(bytes: &[u8], name: impl Fn(&str) -> String) -> Vec<u8> {
    with_header(bytes, |header| {
        let old = std::mem::take(header);
        header.extend(old.into_iter().map(|(k, v)| (if k.starts_with("__") { k } else { name(&k) }, v)));
    })
}

/// Overwrites one float32 of a tensor.
fn poke(bytes: &mut [u8], tensor: &str, index: usize, value: f32) {
    let at = {
        let file = SafeTensors::deserialize(bytes).unwrap();
        file.tensor(tensor).unwrap().data().as_ptr().addr() - bytes.as_ptr().addr()
    };
    bytes[at + 4 * index..][..4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn truncated_files_are_refused_wherever_they_end() {
    let bytes = good();
    for length in [0, 7, 8, 100, 20_000, bytes.len() / 2, bytes.len() - 1] {
        assert!(matches!(problem(bytes[..length].to_vec()), Problem::Format(_)), "{length} bytes");
    }
    let trailing = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(problem(trailing), Problem::Format(_)));
    assert!(matches!(problem(vec![0xff; 4096]), Problem::Format(_)));
    assert!(matches!(problem(b"<html>not found</html>".to_vec()), Problem::Format(_)));
}

#[test]
fn numbers_that_cannot_be_weights_are_named() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bytes = good();
        poke(&mut bytes, "res4c_branch2b/kernel", 54_321, value);
        let found = problem(bytes);
        assert!(
            matches!(&found, Problem::NonFinite { name, index: 54_321, .. } if name == "res4c_branch2b/kernel"),
            "{found}"
        );
    }
    let mut bytes = good();
    poke(&mut bytes, "bn5c_branch2c/moving_variance", 7, -1e-6);
    let found = problem(bytes);
    assert!(matches!(&found, Problem::NegativeVariance { index: 7, .. }), "{found}");
}

#[test]
fn tensors_that_do_not_fit_the_table_are_named() {
    let bytes = good();
    let edited = |edit: &dyn Fn(&mut Map<String, Value>)| problem(with_header(&bytes, |h| edit(h)));

    let found = problem(renamed(&bytes, |name| name.replace("fc1000/bias", "fc1000/bibs")));
    assert!(matches!(&found, Problem::Missing { name } if name == "fc1000/bias"), "{found}");
    let found = problem(renamed(&bytes, |name| name.replace("conv1/kernel", "conv1/filter")));
    assert!(matches!(&found, Problem::Missing { name } if name == "conv1/kernel"), "{found}");
    // The bias of a convolution may be absent, but a tensor that nobody asked for may not be there.
    let found = problem(renamed(&bytes, |name| name.replace("conv1/bias", "conv1/gate")));
    assert!(matches!(&found, Problem::Unexpected { name } if name == "conv1/gate"), "{found}");
    let found = edited(&|header| header["conv1/kernel"]["shape"] = vec![7, 3, 7, 64].into());
    let text = "tensor `conv1/kernel` has shape [7, 3, 7, 64], expected [7, 7, 3, 64]";
    assert_eq!(found.to_string(), text);
    let found = edited(&|header| header["fc1000/bias"]["dtype"] = "I32".into());
    assert!(matches!(&found, Problem::Type { found, .. } if found == "I32"), "{found}");
    let found = edited(&|header| header["__metadata__"]["variant"] = "v3".into());
    assert!(matches!(&found, Problem::Metadata { key: "variant", .. }), "{found}");
    let found = problem(renamed(&bytes, |name| format!("encoder.{}", name.replace('/', "."))));
    assert!(matches!(&found, Problem::UnknownNames), "{found}");
    let twice = renamed(&bytes, |name| if name == "conv1/bias" { "x/conv1/kernel".into() } else { name.into() });
    assert!(matches!(problem(twice), Problem::Duplicate { .. }));
}

#[test]
fn files_without_metadata_follow_the_habits_of_their_names() {
    for (naming, variant, epsilon, preprocessing) in [
        (Naming::Keras, Variant::V1, 1e-3, Preprocessing::Caffe),
        (Naming::KerasApplications, Variant::V1, 1.001e-5, Preprocessing::Caffe),
        (Naming::Torchvision, Variant::V1_5, 1e-5, Preprocessing::Torch),
    ] {
        let bytes = with_header(&weights_bytes(Variant::V1, naming, 1), |header| {
            header.shift_remove("__metadata__");
        });
        let weights = Weights::from_bytes(bytes, "bare").unwrap();
        assert_eq!((weights.naming(), weights.variant(), weights.epsilon()), (naming, variant, epsilon));
        assert_eq!((weights.preprocessing(), weights.source()), (preprocessing, "bare"));
    }
}

#[test]
fn exporters_ornaments_change_nothing() {
    let plain = Weights::from_bytes(good(), "plain").unwrap();
    let ornate = renamed(&good(), |name| format!("{}/{name}:0", name.split('/').next().unwrap()));
    let ornate = Weights::from_bytes(ornate, "ornate").unwrap();
    assert!(plain.network().convs().all(|c| plain.conv(c) == ornate.conv(c)));
    assert!(plain.dense() == ornate.dense());
}

#[test]
fn folding_is_the_formula() {
    let bytes = good();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let number = |name: &str, index: usize| {
        let data = file.tensor(name).unwrap().data();
        f64::from(f32::from_le_bytes(data[4 * index..][..4].try_into().unwrap()))
    };
    let weights = Weights::from_bytes(bytes.clone(), "good").unwrap();
    let conv = &weights.network().blocks[5].spatial;
    let (folded, name) = (weights.conv(conv), &conv.name);
    let norm = name.replace("res", "bn");
    for (row, channel) in [(0, 0), (700, 63), (1151, 127)] {
        let statistic = |which: &str| number(&format!("{norm}/{which}"), channel);
        let root = (statistic("moving_variance") + 1e-3).sqrt();
        let at = row * conv.c_out + channel;
        let weight = number(&format!("{name}/kernel"), at) * statistic("gamma") / root;
        let shift = number(&format!("{name}/bias"), channel) - statistic("moving_mean");
        let bias = statistic("gamma") * shift / root + statistic("beta");
        assert!((folded.weight[at] - weight).abs() <= 1e-15 * weight.abs().max(1.0), "{at}");
        assert!((folded.bias[channel] - bias).abs() <= 1e-14, "{channel}");
    }
}

#[test]
fn saved_files_are_the_same_every_time_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.safetensors");
    fs::write(&input, weights_bytes(Variant::V1_5, Naming::Torchvision, 2)).unwrap();
    let claims = Claims { source: Some("a test".into()), ..Claims::default() };
    let weights = Weights::open_as(&input, &claims).unwrap();

    let paths = ["a.safetensors", "b.safetensors"].map(|name| folder.path().join(name));
    let hashes = paths.each_ref().map(|path| weights.save(path).unwrap());
    assert_eq!(hashes[0], hashes[1]);
    assert!(fs::read(&paths[0]).unwrap() == fs::read(&paths[1]).unwrap());

    let again = Weights::open(&paths[0]).unwrap();
    assert_eq!(again.sha256(), hashes[0]);
    assert_eq!(again.claimed_data_sha256(), Some(weights.data_sha256().as_str()));
    assert_eq!((again.source(), again.variant(), again.epsilon()), ("a test", Variant::V1_5, 1e-5));
    assert!(again.network().convs().all(|c| again.conv(c) == weights.conv(c)));
    // Saving what was saved changes nothing any more.
    assert_eq!(again.save(&paths[1]).unwrap(), hashes[0]);
    let header = u64::from_le_bytes(fs::read(&paths[0]).unwrap()[..8].try_into().unwrap());
    assert!(header.is_multiple_of(8));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no temporary file is left");
}

#[test]
fn a_failed_save_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let weights = Weights::from_bytes(good(), "good").unwrap();
    let missing = folder.path().join("missing/x.safetensors");
    assert!(matches!(weights.save(&missing).unwrap_err().problem, Problem::Write(_)));
    // A folder stands where the file is to go.
    let occupied = folder.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    fs::write(occupied.join("x"), "x").unwrap();
    assert!(matches!(weights.save(&occupied).unwrap_err().problem, Problem::Write(_)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn paths_that_hold_no_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("nothing.safetensors"), folder.path().into()] {
        let error = Weights::open(&path).unwrap_err();
        assert!(matches!(error.problem, Problem::Read(_)), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    let huge = folder.path().join("huge.safetensors");
    fs::File::create(&huge).unwrap().set_len(2 << 30).unwrap();
    assert!(matches!(Weights::open(&huge).unwrap_err().problem, Problem::TooLarge { .. }));
}

#[test]
fn the_cascade_redraws_layer_after_layer_from_the_head_down() {
    let weights = Weights::from_bytes(good(), "test file").unwrap();
    let network = weights.network();
    let same = |a: &Weights, b: &Weights, index: usize| {
        let conv = network.convs().nth(index).unwrap();
        a.conv(conv) == b.conv(conv)
    };
    assert_eq!(weights.randomized(0, 4).data_sha256(), weights.data_sha256());
    let (head, five) = (weights.randomized(1, 4), weights.randomized(5, 4));
    assert!(head.dense().weight != weights.dense().weight && head.dense().bias == weights.dense().bias);
    assert!([0, 52].iter().all(|&i| same(&head, &weights, i)));

    // The head, then 5c, 5b, 5a and 4f: what is above stays as it was drawn, what is below is untouched.
    assert_eq!(Weights::cascade_name(network, 4), "4f");
    let first = network.blocks[12].reduce.index;
    assert!([0, 1, first - 1, first, 46, 52].iter().all(|&i| same(&five, &weights, i) == (i < first)));
    assert!(five.dense() == head.dense());
    let conv = &network.blocks[15].spatial;
    let (old, new) = (weights.conv(conv), five.conv(conv));
    assert_eq!(old.bias, new.bias, "BatchNorm stays");
    let power = |w: &[f64]| w.iter().map(|v| v * v).sum::<f64>();
    let ratio = power(&new.weight) / power(&old.weight);
    assert!((ratio - 1.0).abs() < 0.01, "the size of the filters changed: {ratio}");

    // All of it, the same twice, and another for another seed.
    let all = weights.randomized(CASCADE, 4);
    assert!([0, 1, 27, 52].iter().all(|&i| !same(&all, &weights, i)));
    assert_eq!(Weights::cascade_name(network, CASCADE - 1), "conv1");
    assert_eq!(all.data_sha256(), weights.randomized(99, 4).data_sha256());
    assert!(weights.randomized(1, 5).dense() != head.dense());
    assert_eq!(all.source(), "synthetic, 18 layers from the head down redrawn with seed 4");
    assert_eq!(all.claimed_data_sha256(), None);
}
