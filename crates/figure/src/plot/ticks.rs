//! Where an axis has its ticks, and what stands at them.

/// Round numbers from `low` to `high`, about `wanted` of them: steps of 1, 2 or 5 times a power of ten.
pub(super) fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let rough = (high - low) / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|k| k as f64 * step).collect()
}

/// The texts at ticks, all with the same number of decimals; as percent if asked.
pub(super) fn texts(ticks: &[f64], percent: bool) -> Vec<String> {
    let factor = if percent { 100.0 } else { 1.0 };
    let step = ticks.windows(2).map(|w| (w[1] - w[0]) * factor).next().unwrap_or(1.0);
    if !(1e-6..1e6).contains(&step) {
        return ticks.iter().map(|t| format!("{:.1e}", t * factor)).collect();
    }
    let decimals = (-(step + step * 1e-9).log10().floor()).max(0.0) as usize;
    let unit = if percent { " %" } else { "" };
    // Adding zero turns a negative zero into zero.
    ticks.iter().map(|t| format!("{:.decimals$}{unit}", t * factor + 0.0)).collect()
}

/// The end of an axis that begins at 0 and holds `most`: the next tick.
pub(super) fn round_up(most: f64) -> f64 {
    let power = 10f64.powf(most.log10().floor());
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|t| *t >= most * 0.999)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_numbers() {
        assert_eq!(texts(&ticks(0.0, 1.0, 5), false), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&ticks(0.0, 1.0, 5), true), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(texts(&ticks(-0.3, 0.3, 6), false), ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(texts(&ticks(0.0, 0.007, 4), true), ["0.0 %", "0.2 %", "0.4 %", "0.6 %"]);
        assert_eq!(texts(&ticks(0.0, 40_000.0, 4), false), ["0", "10000", "20000", "30000", "40000"]);
        assert_eq!(ticks(0.13, 0.87, 4), [0.2, 0.4, 0.6000000000000001, 0.8]);
    }

    #[test]
    fn ends() {
        for (most, end) in [(0.93, 1.0), (1.0, 1.0), (0.41, 0.5), (0.0007, 0.0008), (23.0, 30.0)] {
            assert!((round_up(most) - end).abs() <= 1e-9 * end, "{most}: {}", round_up(most));
        }
    }
}
