//! `backlit evaluate`.

use std::fs;

use crate::support::{Place, keys, number, size};

const FEW: &str = "--step 16384 --perturbations 2";

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
    assert_eq!(lines.len(), 3, "{table}");
    let number = |field: &str| field.is_empty() || field.parse().is_ok_and(f64::is_finite);
    assert!(lines[1..].iter().all(|line| line.rsplit(',').take(12).all(number)), "{table}");
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
fn methods_with_their_parameters_and_boxes_from_a_list() {
    let place = Place::new();
    let list = "image,x,y,w,h,label\nchelsea.png,90,60,200,190,Egyptian_cat\nchelsea.png,0,0,9,9,tabby\n";
    place.write("list.csv", list.as_bytes());
    let run = |more: &str| {
        let measures = "--measures completeness,mass,pointing --format json";
        let methods = "--method ig,lrp,gradcam --steps 4 --baseline black --layer 5b";
        place.run(&format!("evaluate {{cat}} {methods} {measures} {more} -o out")).ok();
        place.json("out/evaluation.json")
    };
    let listed = run("--boxes list.csv");
    let maps = &listed["settings"]["maps"];
    assert_eq!(maps[0]["method"], "ig");
    assert_eq!((&maps[0]["options"]["sigma"], &maps[2]["options"]["sigma"]), (&5.0.into(), &0.0.into()));
    let parameters = maps.to_string();
    assert!(parameters.contains("\"steps\":4") && parameters.contains("\"layer\":\"5b\""), "{parameters}");
    let value = |i: usize, measure: &str| number(&listed["methods"][i]["measures"][measure]["mean"]);
    assert!((0.0..10.0).contains(&value(0, "completeness")), "{}", value(0, "completeness"));
    assert!((0..3).all(|i| (0.01..1.0).contains(&value(i, "mass"))));
    // The box of the class followed, and not that of another.
    assert_eq!(listed["methods"], run("--box 90,60,200,190")["methods"]);

    // Boxes of another class alone: there is nothing to point at.
    place.write("other.csv", b"image,x,y,w,h,label\nchelsea.png,0,0,9,9,tabby\n");
    let other = &run("--boxes other.csv")["methods"][0]["measures"]["mass"];
    assert!(other["mean"].is_null(), "{other}");
    // A label that is none is said, and fails the run without stopping it.
    place.write("bad.csv", b"image,x,y,w,h,label\nchelsea.png,0,0,9,9,nosuchthing\n");
    let bad = place.run("evaluate {cat} --measures mass --boxes bad.csv --format csv -o bad");
    assert_eq!(bad.code, 3, "{}", bad.err);
    assert!(bad.err.contains("nosuchthing"), "{}", bad.err);
}

#[test]
fn a_gradient_changes_when_the_network_forgets() {
    let place = Place::new();
    let arguments = "--measures sparseness --sanity --layers 5c,fc";
    place.run(&format!("evaluate {{cat}} --method gradient {arguments} -o out")).ok();
    assert!(place.path("out/sanity.csv").exists());
    assert_eq!(size(&place.path("out/sanity.png")), (1200, 800));
    let summary = place.json("out/evaluation.json");
    let rows = summary["sanity"].as_array().unwrap();
    let layers: Vec<&str> = rows.iter().map(|r| r["layer"].as_str().unwrap()).collect();
    assert_eq!(layers, ["fc", "5c"], "from the head down, whatever the order asked for");
    for row in rows {
        for kind in ["spearman", "spearman_abs", "ssim"] {
            let mean = number(&row[kind]["mean"]);
            assert!((-1.0..0.99).contains(&mean), "{kind}: {mean}");
        }
    }
    place.run("evaluate {cat} --sanity --layers 5d -o none").fails(2, &["the layers are fc, 5c"]);
}

#[test]
fn what_cannot_be_measured_is_said_before_the_work() {
    let place = Place::new();
    for (arguments, says) in [
        ("--measures pointing", "pointing needs to know where the object is: pass --box X,Y,W,H or --boxes FILE"),
        ("--measures truth", "expected insertion, deletion, road"),
        ("--target tabby,tiger_cat", "name one --target"),
        ("--contrast tabby tiger_cat", "name one --target"),
        ("--reduce none", "leave out --reduce none"),
        ("--compat keras-vis-0.4.1", "take keras-vis-master"),
        ("--steps 3", "--steps is used by --method ig"),
        ("--box 1,1,9,9 --boxes list.csv", "cannot be used with"),
        ("--radius 0", "--radius is 0.0"),
        ("--road-noise nan", "--road-noise is NaN"),
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
