//! Which products of parts make up a product of numbers.
//!
//! With x = x0 + x1 + x2 and w = w0 + w1 + w2 split as in [`bf16`](crate::bf16), part 1 is at most 2^-8 of the number
//! and part 2 at most 2^-17. So product (i, j) is about 2^-8(i+j) of the whole, and what is left out bounds the error.

/// A list of products of parts, each a pass of the tiles over the whole sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// x0 w0: off by 2^-8 from x and from w.
    X1,
    /// x0 w0 + x1 w0: exact in x; w is off by 2^-8.
    X2,
    /// x0 w0 + x0 w1: exact in w; x is off by 2^-8.
    W2,
    /// x0 w0 + x1 w0 + x0 w1: off by 2^-16 at most, where x1 w1 is missing.
    X3,
    /// All four products of two parts: off by 2^-17 from x and from w.
    X4,
    /// The three of [`X3`](Scheme::X3), x2 w0 and x0 w2: what they lack is x1 w1.
    X5,
    /// All with i + j <= 2: off by 2^-24 at most, what a float32 can tell.
    X6,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Scheme; 7] = [Scheme::X1, Scheme::X2, Scheme::W2, Scheme::X3, Scheme::X4, Scheme::X5, Scheme::X6];

    /// Pairs (part of x, part of w), ordered so that most differ from the one before in one of the two: what stays
    /// need not be loaded again.
    pub(crate) fn products(self) -> &'static [(usize, usize)] {
        match self {
            Scheme::X1 => &[(0, 0)],
            Scheme::X2 => &[(1, 0), (0, 0)],
            Scheme::W2 => &[(0, 1), (0, 0)],
            Scheme::X3 => &[(1, 0), (0, 0), (0, 1)],
            Scheme::X4 => &[(1, 1), (1, 0), (0, 0), (0, 1)],
            Scheme::X5 => &[(2, 0), (1, 0), (0, 0), (0, 1), (0, 2)],
            Scheme::X6 => &[(2, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0, 2)],
        }
    }

    /// Parts of x that it needs.
    pub(crate) fn x_parts(self) -> usize {
        self.products().iter().map(|p| p.0 + 1).max().unwrap_or(1)
    }

    /// Parts of w that it needs.
    pub(crate) fn w_parts(self) -> usize {
        self.products().iter().map(|p| p.1 + 1).max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_product_is_there_twice_and_the_largest_never_lacks() {
        for scheme in Scheme::ALL {
            let products = scheme.products();
            assert!(products.contains(&(0, 0)), "{scheme:?}");
            assert!((0..products.len()).all(|i| !products[..i].contains(&products[i])), "{scheme:?}");
        }
        assert_eq!((Scheme::X6.x_parts(), Scheme::X6.w_parts()), (3, 3));
        assert_eq!((Scheme::X2.x_parts(), Scheme::X2.w_parts()), (2, 1));
    }
}
