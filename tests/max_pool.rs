//! max_pool: winners, ties and borders of the reference.

use backlit_net::arch::PoolBorder;
use backlit_reference::ops::{BORDER, MaxPool, max_pool_dgrad, max_pool_fwd};
use backlit_testkit::compare::assert_close;
use backlit_testkit::differences::central;
use backlit_testkit::random::Random;

fn pool(side_in: usize, channels: usize, border: PoolBorder) -> MaxPool {
    MaxPool { side_in, channels, kernel: 3, stride: 2, pad: 1, border }
}

fn forward(s: &MaxPool, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let len = s.side_out() * s.side_out() * s.channels;
    let (mut y, mut winner) = (vec![f64::NAN; len], vec![0; len]);
    max_pool_fwd(s, x, &mut y, &mut winner);
    (y, winner)
}

#[test]
fn gradient_agrees_with_central_differences() {
    for border in [PoolBorder::Zero, PoolBorder::NegativeInfinity] {
        for side in [1, 2, 5, 8] {
            let s = pool(side, 3, border);
            // Distinct values 0.01 apart, positive and negative, none zero like the border: no tie within the step.
            let n = side * side * 3;
            let order = Random::new(side as u64);
            let mut x: Vec<f64> = (0..n).map(|i| (i as f64 - n as f64 / 2.0 + 0.25) * 0.01).collect();
            x.sort_by_key(|v| order.bits((v * 1e4) as i64 as usize));
            let (y, winner) = forward(&s, &x);
            let u = Random::new(9).values(y.len(), 1.0);
            let differences = central(&x, &u, 1e-3, |x| forward(&s, x).0);
            let mut dx = vec![f64::NAN; n];
            max_pool_dgrad(&s, &winner, &u, &mut dx);
            assert_close(&format!("{border:?} {side}"), &dx, &differences, 1e-9);
        }
    }
}

#[test]
fn the_first_of_equals_wins() {
    // A 3x3 map of ones: of every window the first pixel in row-major order.
    let (_, winner) = forward(&pool(3, 1, PoolBorder::NegativeInfinity), &[1.0; 9]);
    assert_eq!(winner, [0, 1, 3, 4]);
}

#[test]
fn a_nan_is_not_hidden() {
    for place in 0..9 {
        let mut x = [1.0; 9];
        x[place] = f64::NAN;
        let (y, _) = forward(&pool(3, 1, PoolBorder::Zero), &x);
        // Every window of a 3x3 map holds the middle pixel; the others are in fewer.
        assert!(y.iter().any(|v| v.is_nan()), "pixel {place}");
    }
}

#[test]
fn a_border_of_zeros_takes_part() {
    // All negative: the zeros win wherever a window reaches over the edge, and on a 3x3 map every window does.
    let (y, winner) = forward(&pool(3, 1, PoolBorder::Zero), &[-1.0; 9]);
    assert_eq!((y, winner), (vec![0.0; 4], vec![BORDER; 4]));
    let (y, _) = forward(&pool(3, 1, PoolBorder::NegativeInfinity), &[-1.0; 9]);
    assert_eq!(y, [-1.0; 4]);
    // All zero: the border comes first in row-major order except in the last window, which begins inside.
    let (_, winner) = forward(&pool(3, 1, PoolBorder::Zero), &[0.0; 9]);
    assert_eq!(winner, [BORDER, BORDER, BORDER, 4]);
}

#[test]
fn gradients_of_the_border_fall_off() {
    let s = pool(3, 1, PoolBorder::Zero);
    let (_, winner) = forward(&s, &[0.0; 9]);
    let mut dx = [f64::NAN; 9];
    max_pool_dgrad(&s, &winner, &[1.0, 2.0, 3.0, 4.0], &mut dx);
    assert_eq!(dx, [0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
}
