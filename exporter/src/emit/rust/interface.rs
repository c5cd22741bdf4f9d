//! What a user of the generated file sees: constants, errors, the model and its methods.

use super::{Writer, number, words};
use crate::emit::source::{Dissipation, SourceError, Subject};
use crate::lower::{DampingForm, EntryKind};

const MODEL: &str = "\
/// A model and the workspace it computes in.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = \"a user takes what it needs\")]
pub struct Model {
    workspace: [f32; WORKSPACE_LEN],
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(dead_code, reason = \"a user takes what it needs\")]
impl Model {
    /// The model with its workspace.
    #[must_use]
    pub const fn new() -> Self {
        Self { workspace: [0.0; WORKSPACE_LEN] }
    }

    /// H(q, p).
    #[must_use]
    pub fn energy(&mut self, q: &[f32; DOF], p: &[f32; DOF]) -> f32 {
        let w = self.loaded(q, p, &[0.0; INPUTS]);
        let [energy] = kernels::taken::<_, 0, 1, 1>(energy(w));
        energy
    }

    /// ∂H/∂p, and −∂H/∂q + G u; damping is not part of it.
    #[must_use]
    pub fn field(&mut self, q: &[f32; DOF], p: &[f32; DOF], u: &[f32; INPUTS]) -> ([f32; DOF], [f32; DOF]) {
        let rates = field(self.loaded(q, p, u));
        (kernels::taken::<_, 0, DOF, { 2 * DOF }>(rates), kernels::taken::<_, DOF, DOF, { 2 * DOF }>(rates))
    }
";

const PARTS: &str = "
    /// ∂H/∂p, which depends on p alone.
    #[must_use]
    pub fn velocity(&mut self, p: &[f32; DOF]) -> [f32; DOF] {
        let w = self.cells();
        kernels::set::<DOF, DOF>(w, p);
        kernels::taken::<_, 0, DOF, DOF>(velocity(w))
    }

    /// −∂H/∂q + G u, which does not depend on p.
    #[must_use]
    pub fn force(&mut self, q: &[f32; DOF], u: &[f32; INPUTS]) -> [f32; DOF] {
        let w = self.cells();
        kernels::set::<0, DOF>(w, q);
        kernels::set::<{ 2 * DOF }, INPUTS>(w, u);
        kernels::taken::<_, 0, DOF, DOF>(force(w))
    }
";

const STEP: &str = "
    /// One step of [`DT`] with u held; gives the residual of what iterates, else +0.
    ///
    /// # Errors
    /// [`Error`] where the step cannot be made; q and p are then what they were.
    pub fn step(&mut self, q: &mut [f32; DOF], p: &mut [f32; DOF], u: &[f32; INPUTS]) -> Result<f32, Error> {
        let w = self.loaded(q, p, u);
        let residual = @STEP@?;
        scheme::hand_out(w, q, p)?;
        Ok(residual)
    }

    /// Whether this processor, in its present mode, and this build give the bits they should.
    ///
    /// # Errors
    /// [`Error::FloatMode`]@ERRORS@.
    pub fn self_check(&mut self) -> Result<(), Error> {
        float_mode::check_float_mode()@CHECK@
    }

    fn cells(&mut self) -> &Cells {
        Cell::from_mut(&mut self.workspace).as_array_of_cells()
    }

    fn loaded(&mut self, q: &[f32; DOF], p: &[f32; DOF], u: &[f32; INPUTS]) -> &Cells {
        let w = self.cells();
        kernels::set::<0, DOF>(w, q);
        kernels::set::<DOF, DOF>(w, p);
        kernels::set::<{ 2 * DOF }, INPUTS>(w, u);
        w
    }
}

type Cells = [Cell<f32>; WORKSPACE_LEN];
";

impl Writer<'_, '_> {
    /// The head of the file, down to the model's methods, and the constants that its step reads.
    pub(super) fn interface(&mut self, subject: &Subject<'_>) -> Result<String, SourceError> {
        let listing = self.listing;
        self.wanted.extend(["Element", "part", "set", "taken"].map(|name| ("kernels", name.to_owned())));
        self.want("scheme", "hand_out");
        self.want("float_mode", "check_float_mode");
        let parts = if listing.routine(EntryKind::Velocity).is_ok() { PARTS } else { "" };
        let step = if listing.dissipation.is_some() {
            self.want("scheme", "surround");
            "scheme::surround(w)"
        } else {
            "conserve(w).ok_or(Error::NonFinite)"
        };
        let conditions: Vec<&str> =
            [listing.tables_hash().map(|_| "are_intact()"), subject.check.map(|_| "scheme::is_reproduced(self)")]
                .into_iter()
                .flatten()
                .collect();
        if subject.check.is_some() {
            self.want("scheme", "is_reproduced");
        }
        let (errors, check) = match conditions[..] {
            [] => ("", String::new()),
            _ => {
                let check =
                    format!("?;\n        if {} {{ Ok(()) }} else {{ Err(Error::Bits) }}", conditions.join(" && "));
                (" or [`Error::Bits`]", check)
            }
        };
        let step = STEP.replace("@STEP@", step).replace("@ERRORS@", errors).replace("@CHECK@", &check);
        Ok(format!(
            "{}\n{}{MODEL}{parts}{step}\n{}",
            head(subject),
            errors_type(self, subject),
            self.stepping(subject)?
        ))
    }

    /// How a step is made, as constants and two functions.
    fn stepping(&mut self, subject: &Subject<'_>) -> Result<String, SourceError> {
        let listing = self.listing;
        let mut text = String::new();
        let conserve = if listing.moves.is_empty() {
            text += &format!(
                "/// Evaluations of the field in a step.\nconst ITERATIONS: u32 = {};\n",
                listing.scheme.iterations()
            );
            "midpoint"
        } else {
            let moves: Vec<String> =
                listing.moves.iter().map(|(kick, h)| format!("({kick}, {})", number(*h))).collect();
            let (len, moves) = (moves.len(), moves.join(",\n    "));
            text += &format!(
                "/// Kicks (`true`) and drifts, and their lengths in seconds.\nconst MOVES: [(bool, f32); {len}] = [\n    {moves},\n];\n"
            );
            "splitting"
        };
        self.want("scheme", conserve);
        text += &format!(
            "\n/// The conservative step.\nfn conserve(w: &Cells) -> Option<f32> {{\n    scheme::{conserve}(w)\n}}\n"
        );
        if let Some(dissipation) = listing.dissipation {
            let name = match dissipation {
                Dissipation::Exact => "dissipate_exactly",
                Dissipation::Series => "dissipate_by_series",
                Dissipation::Midpoint => "dissipate_by_midpoint",
            };
            self.want("scheme", name);
            let dof = listing.plan.dof;
            let r_len = if listing.plan.damping == DampingForm::Full { dof * dof } else { dof };
            text += &format!("\n/// Elements of R.\nconst R_LEN: usize = {r_len};\n");
            if let (Some(at), true) = (listing.plan.inverse_mass, dissipation != Dissipation::Midpoint) {
                self.want("kernels", "Element");
                let a: Vec<String> =
                    words(listing.plan, at, dof * dof).iter().map(|word| format!("{word:#010x}")).collect();
                text += &format!("/// A of T = ½ pᵀA p.\nstatic A: [u32; {}] = [{}];\n", dof * dof, a.join(", "));
            }
            text += &format!(
                "\n/// Dissipation for a time h.\nfn dissipate(w: &Cells, h: f32) -> Result<f32, Error> {{\n    scheme::{name}(w, h)\n}}\n"
            );
        }
        if let Some(check) = subject.check {
            let bits = |values: &[f32]| {
                let bits: Vec<String> = values.iter().map(|value| format!("{:#010x}", value.to_bits())).collect();
                format!("[{}]", bits.join(", "))
            };
            let (q, p) = check.x0.split_at(listing.plan.dof.min(check.x0.len()));
            text += &format!(
                "\nconst CHECK_START: [[u32; DOF]; 2] = [{}, {}];\nconst CHECK_INPUT: [u32; INPUTS] = {};\n\
                 const CHECK_STEPS: u32 = {};\nconst CHECK_HASH: u64 = {:#018x};\n",
                bits(q),
                bits(p),
                bits(&check.u),
                check.steps,
                check.hash
            );
        }
        Ok(text)
    }
}

/// Comments and constants.
fn head(subject: &Subject<'_>) -> String {
    let Subject { name, plan, scheme, dt, .. } = subject;
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    format!(
        "// Generated by hnn {}: the model `{name}`. Do not edit; export it again.\n//\n\
         // A module of its own (`mod model;`, or `include!` inside one). no_std, no allocation, no unsafe code, no dependency; Rust\n\
         // 1.91 or later. The bits are those of the same model as a blob on hnn-runtime: never compile it with flags that relax\n\
         // floating-point arithmetic, and call `Model::self_check` once at start.\n\n\
         use core::cell::Cell;\n\n\
         /// Degrees of freedom n: the length of q and of p.\n#[allow(dead_code, reason = \"a user takes what it needs\")]\npub const DOF: usize = {};\n\
         /// Control inputs m: the length of u.\n#[allow(dead_code, reason = \"a user takes what it needs\")]\npub const INPUTS: usize = {};\n\
         /// Time step in seconds.\n#[allow(dead_code, reason = \"a user takes what it needs\")]\npub const DT: f32 = {};\n\
         /// How a step is made.\n#[allow(dead_code, reason = \"a user takes what it needs\")]\npub const SCHEME: &str = \"{scheme}\";\n\
         /// Elements of the workspace, four bytes each: all RAM beside the stack.\npub const WORKSPACE_LEN: usize = {};\n",
        env!("CARGO_PKG_VERSION"),
        plan.dof,
        plan.inputs,
        number(*dt),
        plan.workspace_len
    )
}

fn errors_type(writer: &Writer<'_, '_>, subject: &Subject<'_>) -> String {
    let mut text = "/// Why a step was not made, or a check failed.\n#[derive(Debug, Clone, Copy, PartialEq, Eq)]\n\
                    #[allow(dead_code, reason = \"a user takes what it needs\")]\npub enum Error {\n    \
                    /// The new state would not be finite.\n    NonFinite,\n"
        .to_owned();
    if matches!(writer.listing.dissipation, Some(Dissipation::Series | Dissipation::Midpoint)) {
        text += "    /// Damping is too strong for this time step.\n    DampingTooStiff,\n";
    }
    text += "    /// The processor does not round to nearest, drops subnormal numbers, or fuses multiply-adds.\n    FloatMode,\n";
    if subject.check.is_some() || writer.listing.tables_hash().is_some() {
        text += "    /// A number in flash is not what it was, or a known trajectory was not reproduced.\n    Bits,\n";
    }
    text + "}\n\n"
}
