use lxio_core::bytes::Chance;
use lxio_core::call::Flavour;

use super::{Deed, How, Program, Step, Weather};

/// The program of a seed, with this flavour or with one that the seed says.
#[must_use]
pub fn draw(seed: u64, flavour: Option<Flavour>) -> Program {
    let mut chance = Chance::seeded(seed).fork();
    let drawn = if chance.draw().is_multiple_of(2) { Flavour::Lxd } else { Flavour::Incus };
    let clients = 1 + below(&mut chance, 3);
    let mut bits = chance.draw() & chance.draw();
    if !chance.draw().is_multiple_of(4) {
        bits &= 0x3f;
    }
    let weather = Weather::of(if chance.draw().is_multiple_of(8) { 0 } else { (bits & 0x7f) as u8 });
    let instances = chance.draw().is_multiple_of(2);
    let count = 3 + below(&mut chance, 6) + below(&mut chance, 13) * below(&mut chance, 2);
    let mut steps: Vec<Step> = Vec::with_capacity(count);
    for number in 0..count {
        let deed = deed(&mut chance, &steps, instances);
        let how = match deed {
            Deed::Outage(..) | Deed::Pass(_) => How::Wait,
            Deed::Watch => How::Beside,
            _ => match chance.draw() % 8 {
                0..=3 => How::Wait,
                4..=5 => How::Beside,
                _ => How::Drop(some(&mut chance, 7)),
            },
        };
        steps.push(Step { number, client: below(&mut chance, clients), deed, how });
    }
    Program { seed, flavour: flavour.unwrap_or(drawn), clients, weather, steps }
}

fn deed(chance: &mut Chance, steps: &[Step], instances: bool) -> Deed {
    // One of the things that steps before have made, or one that nobody has.
    let made = |chance: &mut Chance, is: fn(&Deed) -> bool| {
        let made: Vec<_> = steps.iter().filter(|it| is(&it.deed)).map(|it| it.number).collect();
        if made.is_empty() { 99 } else { made[below(chance, made.len())] }
    };
    let which = if instances { chance.draw() % 32 } else { chance.draw() % 16 };
    match which {
        0 => Deed::Server,
        1 => Deed::List,
        2..=4 => Deed::Make,
        5 => Deed::Get(made(chance, |it| matches!(it, Deed::Make))),
        6 => Deed::Delete(made(chance, |it| matches!(it, Deed::Make))),
        7..=10 => Deed::Edit,
        11 => Deed::Watch,
        12 => Deed::Cancel,
        13 => Deed::Outage(some(chance, 21), some(chance, 21)),
        14..=15 => Deed::Pass(some(chance, 26)),
        16 => Deed::Instances,
        17..=18 => Deed::Create,
        19 => Deed::Start(made(chance, |it| matches!(it, Deed::Create))),
        20 => Deed::Stop(made(chance, |it| matches!(it, Deed::Create))),
        21 => Deed::Erase(made(chance, |it| matches!(it, Deed::Create))),
        22..=23 => Deed::Cat(some(chance, 18) as usize - 1),
        24..=25 => Deed::Talk(some(chance, 18) as usize - 1),
        26 => Deed::Exit((chance.draw() % 256) as u8),
        27 => Deed::Missing,
        28..=29 => Deed::Push(some(chance, 18) as usize - 1),
        30 => Deed::Break(1 + some(chance, 18) as usize),
        _ => Deed::Pull(made(chance, |it| matches!(it, Deed::Push(_)))),
    }
}

fn below(chance: &mut Chance, bound: usize) -> usize {
    (chance.draw() % bound.max(1) as u64) as usize
}

/// From 1 to less than 2^`bits`, every order of magnitude as likely as any other.
fn some(chance: &mut Chance, bits: u64) -> u64 {
    let order = chance.draw() % bits;
    (1 << order) + chance.draw() % (1 << order)
}
