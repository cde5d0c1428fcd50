use super::Program;

/// The smallest program that still fails, as `fails` says, found by leaving things out.
pub fn shrink(program: &Program, mut fails: impl FnMut(&Program) -> bool) -> Program {
    let mut best = program.clone();
    loop {
        let Some(smaller) = smaller(&best).into_iter().find(|it| fails(it)) else { return best };
        best = smaller;
    }
}

/// Programs that are a little smaller: those that leave out most first.
fn smaller(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    let count = program.steps.len();
    let mut width = count / 2;
    while width > 0 {
        for from in (0..count).step_by(width) {
            let mut next = program.clone();
            next.steps.drain(from..count.min(from + width));
            all.push(next);
        }
        width /= 2;
    }
    all.extend(program.weather.calmer().map(|weather| Program { weather, ..program.clone() }));
    if program.clients > 1 {
        let clients = program.clients - 1;
        let mut next = Program { clients, ..program.clone() };
        for step in &mut next.steps {
            step.client = step.client.min(clients - 1);
        }
        all.push(next);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::{Deed, draw};
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let program = (0..)
            .map(|seed| draw(seed, None))
            .find(|it| it.steps.len() > 8 && it.steps.iter().filter(|it| it.deed == Deed::Edit).count() > 1);
        let edits = |it: &Program| it.steps.iter().filter(|it| it.deed == Deed::Edit).count();
        let small = shrink(&program.unwrap(), |it| edits(it) > 1);
        assert_eq!((small.steps.len(), edits(&small), small.clients), (2, 2, 1));
        assert_eq!(small.weather.to_string(), "calm");
    }
}
