//! Every format, and every fault of each.

use tempfile::TempDir;

use super::*;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// `image x,y,w,h label` of every entry, for a photograph of 200 x 100.
fn lines(boxes: &Boxes) -> Vec<String> {
    let line = |e: &Entry| {
        let [x, y, w, h] = e.pixels(200, 100).unwrap().corner_and_size().map(|v| (v * 1e6).round() / 1e6);
        format!("{} {x},{y},{w},{h} {}", e.image, e.label.as_deref().unwrap_or("-"))
    };
    boxes.entries.iter().map(line).collect()
}

fn faults(boxes: &Boxes) -> Vec<String> {
    let text: Vec<String> = boxes.faults.iter().map(ToString::to_string).collect();
    assert!(text.iter().all(|t| !t.contains('\n')), "{text:?}");
    // Without the folder.
    text.iter().map(|t| t.rsplit_once('/').map_or(t.clone(), |(_, rest)| rest.to_owned())).collect()
}

fn one(name: &str, text: &str) -> Result<Boxes, BoxesError> {
    Boxes::open(&folder(&[(name, text)]).path().join(name))
}

#[track_caller]
fn refused(name: &str, text: &str, says: &str) {
    let error = one(name, text).unwrap_err().to_string();
    assert!(error.contains(says) && error.contains(name) && !error.contains('\n'), "{error}");
}

#[test]
fn csv_with_and_without_a_header() {
    let plain = one("boxes.csv", "a.jpg,1,2,3,4\n\n# a remark\nb.jpg, 5.5,6,7,8, tabby\n").unwrap();
    assert_eq!(plain.format, Format::Csv);
    assert_eq!(lines(&plain), ["a.jpg 1,2,3,4 -", "b.jpg 5.5,6,7,8 tabby"]);
    for text in [
        "\u{feff}image,x,y,w,h,label\na.jpg,1,2,3,4,tabby",
        "label;Filename;y;x;height;width\ntabby;a.jpg;2;1;4;3",
        "filename\twidth\theight\tclass\txmin\tymin\txmax\tymax\r\na.jpg\t200\t100\ttabby\t1\t2\t4\t6\r\n",
        "image,x,y,w,h,label\n\"a.jpg\",1,2,3,4,\"tabby\"",
    ] {
        assert_eq!(lines(&one("boxes.csv", text).unwrap()), ["a.jpg 1,2,3,4 tabby"], "{text}");
    }
}

#[test]
fn csv_faults_name_their_line_and_spare_the_rest() {
    let text = "image,x,y,w,h\na.jpg,1,2,3,4\nb.jpg,1,2,3\nc.jpg,1,zwei,3,4\nd.jpg,1,2,0,4\n,1,2,3,4\ne.jpg,NaN,2,3,4\n\
                f.jpg,1,2,3,inf\ng.jpg,9,9,9,9\n";
    let boxes = one("boxes.csv", text).unwrap();
    assert_eq!(lines(&boxes), ["a.jpg 1,2,3,4 -", "g.jpg 9,9,9,9 -"]);
    let found = faults(&boxes);
    for (fault, says) in found.iter().zip([
        "boxes.csv:3: expected image,x,y,w,h[,label], found 4 of 5 columns",
        "boxes.csv:4: \"zwei\" is no number",
        "boxes.csv:5: \"1,2,0,4\" is no box",
        "boxes.csv:6: the image has no name",
        "boxes.csv:7: \"NaN,2,3,4\" is no box",
        "boxes.csv:8: \"1,2,3,inf\" is no box",
    ]) {
        assert!(fault.starts_with(says), "{fault}");
    }
    assert_eq!(found.len(), 6);
    refused("boxes.csv", "image,left,size\na,1,2", "boxes.csv:1: the header");
    refused("boxes.csv", "", "not one box");
    refused("boxes.csv", "a.jpg,1\n", "boxes.csv:1: expected image,x,y,w,h");
    refused("boxes.csv", "image,x,y,w,h\n", "not one box");
}

#[test]
fn coco() {
    let text = r#"{"images":[{"id":7,"file_name":"sub/a.jpg"},{"id":"s","file_name":"b.png"}],
        "categories":[{"id":3,"name":"tabby"}],
        "annotations":[{"image_id":7,"bbox":[1,2,3.5,4],"category_id":3},{"image_id":"s","bbox":[0,0,9,9],"category_id":5},
        {"image_id":8,"bbox":[1,2,3,4]},{"image_id":7,"bbox":[1,2,3]},{"image_id":7,"bbox":[1,2,-3,4]},{"bbox":[1,2,3,4]}]}"#;
    let boxes = one("instances.json", text).unwrap();
    assert_eq!(boxes.format, Format::Coco);
    assert_eq!(lines(&boxes), ["sub/a.jpg 1,2,3.5,4 tabby", "b.png 0,0,9,9 -"]);
    assert_eq!((boxes.of("elsewhere/a.jpg").unwrap().count(), boxes.faults.len()), (1, 4));
    for (fault, says) in faults(&boxes).iter().zip([
        "annotations[2]: image_id 8 is none of",
        "annotations[3]: has no bbox of four numbers",
        "annotations[4]: \"1,2,-3,4\" is no box",
        "annotations[5]: has no image_id",
    ]) {
        assert!(fault.contains(says), "{fault}");
    }
    refused("a.json", "{\"images\": [\n}", "a.json:2: is no JSON");
    refused("a.json", "{\"images\": []}", "no list \"annotations\"");
    refused("a.json", "[1]", "no list \"images\"");
}

#[test]
fn yolo() {
    let files = [("a.txt", "1 0.5 0.5 0.1 0.2\n\n0 0.05 0.1 0.1 0.2 0.93\n"), ("b.txt", "0 .5 .5 1 1\n")];
    let bare = Boxes::open(folder(&files).path()).unwrap();
    assert_eq!(bare.format, Format::Yolo);
    assert_eq!(lines(&bare), ["a.txt 90,40,20,20 -", "a.txt 0,0,20,20 -", "b.txt 0,0,200,100 -"]);
    assert_eq!(bare.of("photos/a.jpg").unwrap().count(), 2, "the stem is the picture's");

    let named = folder(&[&files[..], &[("classes.txt", "tench\ntabby\n")]].concat());
    let boxes = Boxes::open(named.path()).unwrap();
    assert_eq!(lines(&boxes)[..2], ["a.txt 90,40,20,20 tabby", "a.txt 0,0,20,20 tench"]);
    assert_eq!(lines(&Boxes::open(&named.path().join("b.txt")).unwrap()), ["b.txt 0,0,200,100 tench"]);

    let bad = folder(&[
        ("obj.names", "tench\n"),
        ("a.txt", "0 .5 .5 .1\nx .5 .5 .1 .1\n0 1.5 .5 .1 .1\n0 .5 .5 0 .1\n1 .5 .5 .1 .1\n0 .5 .5 nan .1\n"),
        ("b.txt", "0 .5 .5 .1 .1"),
    ]);
    let boxes = Boxes::open(bad.path()).unwrap();
    assert_eq!((boxes.entries.len(), boxes.faults.len()), (1, 6));
    for (fault, says) in faults(&boxes).iter().zip([
        "a.txt:1: expected `class cx cy w h`, found 4 fields",
        "a.txt:2: \"x\" is no number of a class",
        "a.txt:3: \"1.5\" is no share",
        "a.txt:4: a box of 0 x 0.1 is empty",
        "a.txt:5: class 1 is not among the 1 names",
        "a.txt:6: \"nan\" is no share",
    ]) {
        assert!(fault.starts_with(says), "{fault}");
    }
}

#[test]
fn voc() {
    let object =
        |name: &str, corners: &str| format!("<object><name>{name}</name><bndbox>{corners}</bndbox></object>\n");
    let good = "<xmin>1</xmin><ymin>11</ymin><xmax>10</xmax><ymax>30</ymax>";
    let text = format!(
        "<annotation>\n<filename>n02123045_1</filename>\n{}{}{}{}</annotation>",
        object("n02123045", good),
        object("tabby", "<xmin>5</xmin>"),
        object("tabby", &good.replace("<xmax>10", "<xmax>0")),
        object("tabby", &good.replace("10", "ten")),
    );
    let all = folder(&[
        ("a.xml", &text),
        ("b.xml", &format!("<annotation>{}</annotation>", object("", good))),
        ("c.xml", "<annotation>"),
        ("d.xml", "<svg/>"),
    ]);
    let boxes = Boxes::open(all.path()).unwrap();
    assert_eq!(boxes.format, Format::Voc);
    assert_eq!(lines(&boxes), ["n02123045_1 0,10,10,20 n02123045", "b 0,10,10,20 -"]);
    let count = |name: &str| boxes.of(name).unwrap().count();
    assert_eq!((count("x/n02123045_1.JPEG"), count("b.png")), (1, 1));
    assert_eq!((boxes.entries[0].class().unwrap(), boxes.faults.len()), (Some(281), 5));
    for (fault, says) in faults(&boxes).iter().zip([
        "a.xml:4: <bndbox> has no <ymin>",
        "a.xml:5: the corners",
        "a.xml:6: <xmax> is \"ten\"",
        "c.xml:1: is no XML",
        "d.xml:1: begins with <svg>",
    ]) {
        assert!(fault.contains(says.split_once(": ").unwrap().1) && fault.starts_with(&says[..6]), "{fault}");
    }
    assert_eq!(Boxes::open(&all.path().join("a.xml")).unwrap().entries.len(), 1);
}

#[test]
fn what_holds_no_boxes() {
    assert!(matches!(Boxes::open(Path::new("/nowhere/b.csv")), Err(BoxesError::Unreadable { .. })));
    assert!(matches!(Boxes::open(folder(&[("a.jpg", "")]).path()), Err(BoxesError::Unknown { .. })));
    let both = folder(&[("a.xml", "<annotation/>"), ("a.txt", "0 .5 .5 .1 .1")]);
    assert!(matches!(Boxes::open(both.path()), Err(BoxesError::Mixed { .. })));
    assert!(matches!(one("boxes.doc", "hello"), Err(BoxesError::Unknown { .. })));
    let binary = folder(&[]);
    fs::write(binary.path().join("a.csv"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(matches!(Boxes::open(&binary.path().join("a.csv")), Err(BoxesError::NoText { .. })));
}

/// The left edges of the boxes of a photograph.
#[track_caller]
fn lefts(boxes: &Boxes, name: &str) -> Vec<f64> {
    boxes.of(name).unwrap().map(|e| e.pixels(9, 9).unwrap().corner_and_size()[0]).collect()
}

#[test]
fn names_match_whole_first_and_by_stem_where_that_is_clear() {
    let boxes = one("b.csv", "x/cat.jpg,1,2,3,4\ncat.png,5,6,7,8\nd\\dog.jpg,1,1,1,1\nn01.v2,2,2,2,2\n").unwrap();
    let x = |name: &str| lefts(&boxes, name);
    assert_eq!((x("cat.jpg"), x("y/cat.png"), x("cat.gif")), (vec![1.0], vec![5.0], vec![]));
    assert_eq!((x("dog.PNG"), x("n01.v2"), x("n01.jpg")), (vec![1.0], vec![2.0], vec![]));
    let missing: Vec<String> = boxes.missing(["cat.jpg", "dog.png"]).iter().map(ToString::to_string).collect();
    assert_eq!(missing.len(), 2);
    assert!(missing[0].ends_with("b.csv:2: there is no photograph \"cat.png\" among those given"), "{missing:?}");
}

#[test]
fn one_name_in_several_folders() {
    let list = "a/001.jpg,1,2,3,4\nb\\001.jpg,5,6,7,8\na/001.jpg,2,2,3,4\nx/b/002.jpg,7,1,1,1\ny/b/002.jpg,8,1,1,1\n\
                003.jpg,3,3,3,3\nz/003.jpg,4,3,3,3\n./a/004.jpg,6,1,1,1\na//004.jpg,7,1,1,1\n";
    let boxes = one("b.csv", list).unwrap();
    assert_eq!((lefts(&boxes, "in/a/001.jpg"), lefts(&boxes, "b/001.png")), (vec![1.0, 2.0], vec![5.0]));
    assert_eq!((lefts(&boxes, "/data/x/b/002.jpg"), lefts(&boxes, "y/b/002.jpg")), (vec![7.0], vec![8.0]));
    // A bare name contradicts no folder; another folder does.
    assert_eq!((lefts(&boxes, "q/003.jpg"), lefts(&boxes, "q/z/003.jpg")), (vec![3.0], vec![4.0]));
    assert_eq!(lefts(&boxes, "a/004.jpg"), [6.0, 7.0], "one path, written in two ways");
    for (name, listed) in [
        ("001.jpg", r#""a/001.jpg" and "b\\001.jpg""#),
        ("c/001.jpg", r#""a/001.jpg" and "b\\001.jpg""#),
        ("b/002.jpg", r#""x/b/002.jpg" and "y/b/002.jpg""#),
    ] {
        let error = boxes.of(name).map(Iterator::count).unwrap_err();
        assert!(matches!(&error, BoxesError::Ambiguous { photograph, .. } if photograph == name));
        let says = format!("{name:?} is ambiguous, {listed} fit equally well");
        assert!(error.to_string().contains(&says) && !error.to_string().contains('\n'), "{error}");
    }
    assert_eq!(boxes.missing(["a/001.jpg", "b/001.jpg", "b/002.jpg", "q/003.jpg", "z/003.jpg", "004.jpg"]).len(), 0);
    assert_eq!(boxes.missing(["a/001.jpg"]).len(), 7, "each as it is written");
}

#[test]
fn boxes_outside_and_labels_unknown() {
    let boxes = one("b.csv", "a.jpg,500,2,3,4,tabbi\na.jpg,-5,-5,20,20,282\na.jpg,1,1,5,5,crane\n").unwrap();
    let whole = Frame { x: 0.0, y: 0.0, width: 200.0, height: 100.0 };
    let error = boxes.entries[0].region(200, 100, &whole).unwrap_err().to_string();
    assert!(error.contains("b.csv:1: box 500,2,3,4 is outside the picture"), "{error}");
    assert!(boxes.entries[1].region(200, 100, &whole).is_ok(), "a part of it is in the picture");
    let error = boxes.entries[0].class().unwrap_err().to_string();
    assert!(error.contains("b.csv:1: no class is called `tabbi`: did you mean tabby"), "{error}");
    assert_eq!(boxes.entries[1].class().unwrap(), Some(282));
    assert!(boxes.entries[2].class().unwrap_err().to_string().contains("2 classes"));
}
