//! `backlit evaluate`.

use std::fs;

use crate::support::{Place, keys, number, size};

const FEW: &str = "--step 16384 --samples 2";

#[test]
fn every_measure_of_two_methods() {
    let place = Place::new();
    let measures = "insertion,deletion,road,drop,increase,pointing,mass,infidelity,sensitivity,sparseness,complexity,\
                    completeness";
    let run = place
        .run(&format!(
            "evaluate {{cat}} --method gradient,guided --measures {measures} --box 90,60,200,190 {FEW} -o out"
        ))
        .ok();
    let files = ["deletion.png", "evaluation.csv", "evaluation.json", "insertion.png", "manifest.json", "road.png"];
    assert_eq!(place.files(), files.map(|f| format!("out/{f}")));
    assert_eq!(size(&place.path("out/road.png")), (1200, 800));
    assert!(run.out.contains("completeness of guided: undefined for 1 of 1: the method makes no such claim"));

    let summary = place.json("out/evaluation.json");
    assert_eq!(keys(&summary), ["photographs", "settings", "methods"]);
    let methods = summary["methods"].as_array().unwrap();
    assert_eq!(methods.len(), 2);
    for method in methods {
        let value = |measure: &str| number(&method["measures"][measure]["mean"]);
        for (measure, low, high) in [
            ("insertion", 0.0, 1.0),
            ("deletion", 0.0, 1.0),
            ("road", -0.5, 0.5),
            ("drop", 0.0, 100.0),
            ("mass", 0.01, 0.99),
            ("infidelity", 1e-9, 1e9),
            ("sensitivity", 1e-6, 1e3),
            ("sparseness", 0.01, 0.99),
            ("complexity", 5.0, 10.83),
        ] {
            let found = value(measure);
            assert!((low..=high).contains(&found), "{measure}: {found}");
        }
        assert!([0.0, 1.0].contains(&value("pointing")) && [0.0, 1.0].contains(&value("increase")));
        let completeness = &method["measures"]["completeness"];
        assert!(completeness["mean"].is_null() && completeness["n"] == 0);
        let curve = &method["curves"]["deletion"];
        assert_eq!(curve["share"].as_array().unwrap().len(), 5, "50176 / 16384, rounded up, and the beginning");
        // The untouched picture at one end, the mean colour at the other.
        assert!(number(&curve["mean"][0]) >= 0.9 && number(&curve["mean"][4]) <= 0.1);
        assert!(number(&method["curves"]["insertion"]["mean"][4]) >= 0.9);
    }

    let table = fs::read_to_string(place.path("out/evaluation.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("image,method,class_idx,wnid,label,probability,insertion,deletion,"), "{table}");
    assert!(lines[1].contains(",gradient,285,n02124075,Egyptian_cat,") && lines[1].ends_with(','), "{table}");
    assert!(lines.len() == 3 && !table.contains("NaN") && !table.contains("inf"));
}

#[test]
fn the_same_for_any_batch_and_order() {
    let place = Place::new();
    let numbers = |arguments: &str| {
        let run =
            place.run(&format!("evaluate {arguments} --measures deletion,infidelity {FEW} --format csv --json -o out"));
        let record = run.ok().json();
        assert_eq!(record["images"].as_array().unwrap().len(), 2);
        record["summary"].clone()
    };
    let one = numbers("{cat} {mirrored} --batch 1");
    assert_eq!(one, numbers("{mirrored} {cat} --batch 7"));
    let deletion = &one[0]["measures"]["deletion"];
    assert!(
        number(&deletion["low"]) <= number(&deletion["mean"]) && number(&deletion["mean"]) <= number(&deletion["high"])
    );
    assert_eq!((&deletion["n"], &deletion["better"]), (&2.into(), &"lower".into()));
}

#[test]
fn what_cannot_be_measured_is_said_before_the_work() {
    let place = Place::new();
    for (arguments, says) in [
        ("--measures pointing", "pointing needs to know where the object is: pass --box X,Y,W,H"),
        ("--measures truth", "expected insertion, deletion, road"),
        ("--method gradient,gradient", "a method is named twice"),
        ("--radius 0", "--radius is 0.0"),
        ("--noise nan", "--noise is NaN"),
        ("--tolerance -1", "--tolerance is -1.0"),
        ("--sigma -1", "--sigma is -1.0"),
        ("--step 0", "--step"),
    ] {
        place.run(&format!("evaluate {{cat}} {arguments} -o out")).fails(2, &[says]);
    }
    assert!(place.files().is_empty());
}

#[test]
fn a_bad_photograph_leaves_the_others() {
    let place = Place::new();
    place.write("broken.png", b"no picture");
    let run = place.run("evaluate broken.png {cat} --measures sparseness --format csv -o out");
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("broken.png"), "{}", run.err);
    assert_eq!(place.files(), ["broken.png", "out/evaluation.csv", "out/manifest.json"]);
    // A box that misses the photograph is that photograph's failure.
    let run = place.run("evaluate {cat} --measures mass --box 5000,0,10,10 -o none");
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("outside the picture") && !place.path("none").exists(), "{}", run.err);
}
