//! Known answers, and the distribution.

use super::*;

#[test]
fn the_generator_gives_its_published_answers() {
    // The known-answer tests that come with the generator's own distribution (Random123, `kat_vectors`).
    let ones = u32::MAX;
    assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(philox4x32([ones; 4], [ones; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    let (counter, key) = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
    assert_eq!(philox4x32(counter, key), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
}

/// (seed, picture, sample, element, word, bits of the normal deviate), by a second implementation in another language.
#[rustfmt::skip]
const ADDRESSED: &[(u64, u64, u32, usize, u32, u64)] = &[
    (0x0, 0x0, 0, 0, 0x6627_e8d5, 0xbfd0_5f49_e846_74d2),
    (0x0, 0x0, 0, 1, 0xe169_c58d, 0x3ff2_d769_f080_4c85),
    (0x1, 0x0123_4567_89ab_cdef, 0, 5, 0x55ca_79e5, 0xbfdb_4093_b48f_9423),
    (0xfedc_ba98_7654_3210, 0x0123_4567_89ab_cdef, 63, 150_527, 0x6546_10a2, 0xbfd0_f1b1_40eb_8c15),
    (0x7, 0x2a, 1_000_000, 75_000, 0xebd6_4f58, 0x3ff6_9d81_fded_b451),
];

#[test]
fn every_address_keeps_its_number() {
    for &(seed, picture, sample, element, word, deviate) in ADDRESSED {
        let random = Random::new(seed, picture, Purpose::Noise);
        assert_eq!(random.bits(sample, element), word);
        assert_eq!(random.normal(sample, element).to_bits(), deviate, "{seed} {picture} {sample} {element}");
        assert_eq!(random.uniform(sample, element), (f64::from(word) + 0.5) / 2f64.powi(32));
    }
}

#[test]
fn deviates_keep_their_bits() {
    #[rustfmt::skip]
    let known = [
        (0x0000_0000, 0xc019_5a11_830f_cb47), // -6.338
        (0x0000_0001, 0xc018_aa6c_57d4_a042), // -6.166
        (0x0c0f_fee0, 0xbffa_c676_881f_bc99), // -1.673
        (0x1333_3333, 0xbff7_0852_1506_1e18), // the last before the middle part
        (0x1333_3334, 0xbff7_0852_1495_16ac), // its first
        (0x7fff_ffff, 0xbdf4_0d93_2f59_411c), // -2.9e-10
        (0xffff_ffff, 0x4019_5a11_830f_cb47), // 6.338
    ];
    for (bits, deviate) in known {
        assert_eq!(normal(bits).to_bits(), deviate, "{bits:08x}");
        assert_eq!(normal(!bits), -normal(bits), "{bits:08x}");
    }
}

/// `Phi(z)` for some z, from tables (Abramowitz and Stegun, 26.1 and 26.2).
#[test]
fn quantiles_of_the_normal_distribution() {
    for (z, p) in [
        (0.0, 0.5),
        (0.5, 0.691_462_461_274_013),
        (1.0, 0.841_344_746_068_543),
        (2.0, 0.977_249_868_051_821),
        (3.0, 0.998_650_101_968_370),
        (4.0, 0.999_968_328_758_167),
        (5.0, 0.999_999_713_348_428),
    ] {
        let bits = (p * 2f64.powi(32)).round() as u32;
        // Half a step of the argument, divided by the density, on top of the formula's own error.
        let density = (-z * z / 2f64).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let tolerance = 1.2e-7 * z + 2f64.powi(-32) / density;
        assert!((normal(bits) - z).abs() <= tolerance, "{z}: {}", normal(bits));
    }
    assert!((0..=u32::MAX).step_by(65_521).map(normal).is_sorted(), "deviates grow with their bits");
}

#[test]
fn the_logarithm() {
    for i in 0..10_000 {
        let x = 2f64.powi(-33) * (1.0 + f64::from(i) * 0.0173).powi(3);
        assert!((ln(x) - x.ln()).abs() <= 1e-12, "{x}: {}", ln(x));
    }
    assert_eq!(ln(1.0), 0.0);
}

/// Mean of a function of the numbers at many addresses, in units of the standard error that it should have.
fn z_score(n: usize, mean: f64, deviation: f64, value: impl Fn(usize) -> f64) -> f64 {
    ((0..n).map(value).sum::<f64>() / n as f64 - mean) / deviation * (n as f64).sqrt()
}

const N: usize = 400_000;

#[test]
fn moments_and_tails() {
    let random = Random::new(3, 5, Purpose::Noise);
    let at = |i: usize| random.normal(2, i);
    // Standard deviations of z, z^2, z^3 and z^4 for a normal z: 1, sqrt 2, sqrt 15, sqrt 96.
    for (power, mean, deviation) in
        [(1, 0.0, 1.0), (2, 1.0, 2f64.sqrt()), (3, 0.0, 15f64.sqrt()), (4, 3.0, 96f64.sqrt())]
    {
        let score = z_score(N, mean, deviation, |i| at(i).powi(power));
        assert!(score.abs() <= 4.0, "moment {power} is off by {score} standard errors");
    }
    for (bound, p) in [(-2.0, 0.022_750_131_948), (-3.0, 0.001_349_898_032), (-4.0, 0.000_031_671_242)] {
        let score = |sign: f64| z_score(N, p, (p * (1.0 - p)).sqrt(), |i| f64::from(u8::from(sign * at(i) < bound)));
        assert!(score(1.0).abs() <= 4.0 && score(-1.0).abs() <= 4.0, "tail beyond {bound}");
    }
}

#[test]
fn neighbours_of_every_kind_are_independent() {
    let random = Random::new(3, 5, Purpose::Noise);
    let other = |seed, picture, purpose| Random::new(seed, picture, purpose);
    let with = |what: &str, y: &dyn Fn(usize) -> f64| {
        for (power, deviation) in [(1, 1.0), (2, 2.0)] {
            let value = |i: usize| {
                let (x, y) = (random.normal(0, i), y(i));
                if power == 1 { x * y } else { (x * x - 1.0) * (y * y - 1.0) }
            };
            let score = z_score(N, 0.0, deviation, value);
            assert!(score.abs() <= 4.0, "{what}, power {power}: {score} standard errors");
        }
    };
    for step in [1, 2, 3, 4, 672] {
        with("elements", &|i| random.normal(0, i + step));
    }
    with("samples", &|i| random.normal(1, i));
    with("seeds", &|i| other(4, 5, Purpose::Noise).normal(0, i));
    with("pictures", &|i| other(3, 4, Purpose::Noise).normal(0, i));
    with("purposes", &|i| other(3, 5, Purpose::Choice).normal(0, i));
}
