//! Parameters of methods on the command line.

use crate::support::Place;

#[test]
fn a_flag_that_nothing_uses_is_refused() {
    let place = Place::new();
    for (line, says) in [
        ("saliency {cat} --samples 5", &["--samples", "smoothgrad, smoothgrad-squared, vargrad"][..]),
        ("saliency {cat} --method gradcam --steps 5", &["--steps", "ig, blur-ig, guided-ig, xrai"]),
        ("explain {cat} --method ig --noise 0.1", &["--noise", "smoothgrad"]),
        ("explain {cat} --method ig --layer 4a", &["--layer", "gradcam, gradcam++"]),
        ("saliency {cat} --method occlusion --baseline black", &["--baseline", "ig, expected-gradients"]),
        ("saliency {cat} --method ig --patch 3", &["--patch", "occlusion"]),
        ("saliency {cat} --method smoothgrad --epsilon 1", &["--epsilon", "lrp"]),
        ("saliency {cat} --method eigencam --no-relu", &["--no-relu", "gradcam"]),
        ("saliency {cat} --seed 5", &["--seed", "rise"]),
        ("saliency {cat} --method ig --baseline black,white", &["one --baseline, found 2"]),
    ] {
        println!("{line}");
        place.run(line).fails(2, says);
    }
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn values_out_of_bounds_are_refused() {
    let place = Place::new();
    for (line, says) in [
        ("--method smoothgrad --samples 0", &["--samples", "1.."][..]),
        ("--method smoothgrad --noise -1", &["--noise", "at least 0"]),
        ("--method smoothgrad --noise nan", &["--noise", "at least 0"]),
        ("--method smoothgrad --noise-scale huge", &["range, absolute"]),
        ("--method smoothgrad --moment variance", &["vargrad"]),
        ("--method ig --steps 0", &["--steps"]),
        ("--method ig --quadrature simpson", &["gauss-legendre"]),
        ("--method ig --baseline pink", &["pink", "black, white, mean"]),
        ("--method ig --baseline blur:0", &["above 0"]),
        ("--method gradcam --layer layer9", &["layer9", "layer1 to layer4"]),
        ("--method gradcam --upsample lanczos", &["lanczos", "spline"]),
        ("--method occlusion --patch 225", &["--patch", "224"]),
        ("--method occlusion --stride 0", &["--stride"]),
        ("--method rise --probability 1.5", &["at most 1"]),
        ("--method guided-ig --fraction 0", &["above 0"]),
    ] {
        println!("{line}");
        place.run(&format!("saliency {{cat}} {line}")).fails(2, says);
    }
    assert_eq!(place.files(), [""; 0]);
}
