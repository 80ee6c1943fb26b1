//! What a precision means on this processor: which arithmetic, and who multiplies.

use backlit_net::Variant;
use backlit_net::arch::{Block, Network};
use backlit_net::engine::Precision;
use backlit_net::weights::Weights;

use crate::isa::{Level, Token};
use crate::plan::Plan;
use crate::run::Passes;
use crate::tiles::conv::{Machine, Unit};
use crate::tiles::plan::{Recipe, TilePlan};
use crate::tiles::scheme::Scheme;
use crate::{CpuError, CpuOptions};

impl Level {
    /// The arithmetic to take where nobody asks for another: mixed wherever there is hardware for it.
    pub fn usual_precision(self) -> Precision {
        if self == Level::Amx { Precision::Mixed } else { Precision::F32 }
    }
}

/// Arithmetic in tiles.
pub(crate) struct TileChoice {
    pub(crate) recipe: Recipe,
    /// Whether the forward pass is in float32 instead.
    pub(crate) float_forward: bool,
}

/// How a precision computes in tiles; `None` for float32, which does not.
pub(crate) fn choice(options: &CpuOptions) -> Result<Option<TileChoice>, CpuError> {
    let tiles = |recipe| Ok(Some(TileChoice { recipe, float_forward: false }));
    match options.precision.unwrap_or(Precision::F32) {
        Precision::F32 if options.float_by_tiles => tiles(Recipe::uniform(Scheme::X6, Scheme::X3)),
        Precision::F32 => Ok(None),
        Precision::Mixed => tiles(mixed(options.careful_gates)),
        Precision::Half => tiles(Recipe::uniform(Scheme::X1, Scheme::X1)),
        asked => Err(CpuError::NoPrecision { asked, reason: "the engine `reference` has it".into() }),
    }
}

/// Gates nearly those of float32, gradients in one part. Errors of the first stage pass through all gates that follow.
fn mixed(careful: bool) -> Recipe {
    let mut recipe = Recipe::uniform(Scheme::X3, Scheme::X1);
    // Variants have the same convolutions by index.
    let first = Network::of(Variant::V1).blocks.iter().filter(|block| careful && block.stage == 2);
    first.flat_map(Block::convs).for_each(|conv| recipe.forward[conv.index] = Scheme::X6);
    recipe
}

/// Who multiplies tiles, and its name for reports.
pub(crate) fn machine(
    (level, token): (Level, Token),
    software: bool,
    asked: Precision,
) -> Result<(Machine, String), CpuError> {
    let vectors = token.level();
    if software {
        return Ok((Machine { token, unit: Unit::Model }, format!("{vectors}, tiles in software")));
    }
    let reason = {
        #[cfg(target_arch = "x86_64")]
        match crate::isa::Amx::new() {
            Ok(amx) if level == Level::Amx => {
                return Ok((Machine { token, unit: Unit::Amx(amx) }, Level::Amx.to_string()));
            }
            Ok(_) => format!("the instruction set asked for is `{level}`, and it takes `{}`", Level::Amx),
            Err(why) => why.to_string(),
        }
        #[cfg(not(target_arch = "x86_64"))]
        format!("AMX is an extension of x86-64, and this is `{level}`")
    };
    Err(CpuError::NoPrecision { asked, reason })
}

impl TileChoice {
    /// Folds and packs what it takes.
    pub(crate) fn passes(self, weights: &Weights, machine: Machine, dead_code: bool) -> Passes {
        let tiles = Box::new(TilePlan::new(weights, machine, self.recipe, dead_code));
        if self.float_forward {
            Passes::FloatsThenTiles(Box::new(Plan::new(weights, machine.token, dead_code)), tiles)
        } else {
            Passes::Tiles(tiles)
        }
    }
}
