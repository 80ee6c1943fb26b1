//! head: mean, dense layer and the shortcut's sum of the reference, against central differences.

use backlit_reference::ops::{
    dense_dgrad, dense_fwd, global_average_dgrad, global_average_fwd, residual_dgrad, residual_fwd,
};
use backlit_testkit::compare::assert_close;
use backlit_testkit::differences::central;
use backlit_testkit::random::Random;

#[test]
fn dense() {
    let r = Random::new(1);
    // 19 outputs: two whole groups of partial sums and a rest.
    let (x, w, b, u) = (
        r.stream(0).values(7, 1.0),
        r.stream(1).values(7 * 19, 1.0),
        r.stream(2).values(19, 1.0),
        r.stream(3).values(19, 1.0),
    );
    let expected = central(&x, &u, 1e-3, |x| {
        let mut y = vec![f64::NAN; 19];
        dense_fwd(x, &w, &b, &mut y);
        y
    });
    let mut dx = vec![f64::NAN; 7];
    dense_dgrad(&u, &w, &mut dx);
    assert_close("dense", &dx, &expected, 1e-9);

    let mut y = [f64::NAN; 2];
    dense_fwd(&[1.0, 2.0], &[1.0, 10.0, 3.0, 30.0], &[0.5, 0.0], &mut y);
    assert_eq!(y, [7.5, 70.0]);
}

#[test]
fn global_average() {
    let r = Random::new(2);
    let (x, u) = (r.stream(0).values(49 * 3, 1.0), r.stream(1).values(3, 1.0));
    let expected = central(&x, &u, 1e-3, |x| {
        let mut y = vec![f64::NAN; 3];
        global_average_fwd(x, &mut y);
        y
    });
    let mut dx = vec![f64::NAN; x.len()];
    global_average_dgrad(&u, &mut dx);
    assert_close("global average", &dx, &expected, 1e-9);
}

#[test]
fn residual() {
    // x feeds both paths of y = 2x + x, so its gradient is the sum of theirs.
    let r = Random::new(3);
    let (x, u) = (r.stream(0).values(9, 1.0), r.stream(1).values(9, 1.0));
    let expected = central(&x, &u, 1e-3, |x| {
        let mut y: Vec<f64> = x.iter().map(|v| 2.0 * v).collect();
        residual_fwd(&mut y, x);
        y
    });
    let mut d: Vec<f64> = u.iter().map(|v| 2.0 * v).collect();
    residual_dgrad(&mut d, &u);
    assert_close("residual", &d, &expected, 1e-9);
}
