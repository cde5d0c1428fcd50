use std::fmt;
use std::str::FromStr;

use lxio_core::call::Flavour;

use super::Weather;

/// What is done. Numbers name things: what step 3 makes is called after 3, so no two steps make the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Greets the server again.
    Server,
    /// Lists profiles.
    List,
    /// Makes a profile.
    Make,
    /// Gets the profile that a step made.
    Get(usize),
    /// Deletes the profile that a step made.
    Delete(usize),
    /// Adds one to a number that all clients share, and signs.
    Edit,
    /// Follows events.
    Watch,
    /// Lists operations, and cancels what it finds.
    Cancel,
    /// Lists instances in full.
    Instances,
    /// Creates an instance.
    Create,
    /// Starts the instance that a step created.
    Start(usize),
    /// Stops it by force.
    Stop(usize),
    /// Deletes it.
    Erase(usize),
    /// Runs a command that prints what it is given, this many bytes.
    Cat(usize),
    /// The same, talked to piece by piece.
    Talk(usize),
    /// Runs a command that ends with this code.
    Exit(u8),
    /// Runs a command that is not there.
    Missing,
    /// Uploads a file of so many bytes.
    Push(usize),
    /// Begins to upload a file of so many bytes and breaks off.
    Break(usize),
    /// Downloads the file that a step uploaded.
    Pull(usize),
    /// The daemon ends after so many microseconds, and comes back after as many more as its second number says.
    Outage(u64, u64),
    /// So many microseconds pass.
    Pass(u64),
}

/// How the one who does it goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Waits until it is done.
    Wait,
    /// Lets it go on beside what comes next.
    Beside,
    /// Drops it after so many turns.
    Drop(u64),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, which names what it makes.
    pub number: usize,
    /// Which client takes it.
    pub client: usize,
    /// What.
    pub deed: Deed,
    /// How.
    pub how: How,
}

/// A program: what is done, by whom, and in which weather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What all chance in the simulation follows from.
    pub seed: u64,
    /// What the daemon is.
    pub flavour: Flavour,
    /// How many clients there are.
    pub clients: usize,
    /// The network.
    pub weather: Weather,
    /// What is done.
    pub steps: Vec<Step>,
}

impl Program {
    /// Whether any step needs an instance that runs.
    #[must_use]
    pub fn needs_instance(&self) -> bool {
        use Deed::{Break, Cat, Exit, Missing, Pull, Push, Talk};
        self.steps
            .iter()
            .any(|it| matches!(it.deed, Cat(_) | Talk(_) | Exit(_) | Missing | Push(_) | Break(_) | Pull(_)))
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::List => f.write_str("list"),
            Self::Make => f.write_str("make"),
            Self::Get(it) => write!(f, "get:{it}"),
            Self::Delete(it) => write!(f, "delete:{it}"),
            Self::Edit => f.write_str("edit"),
            Self::Watch => f.write_str("watch"),
            Self::Cancel => f.write_str("cancel"),
            Self::Instances => f.write_str("instances"),
            Self::Create => f.write_str("create"),
            Self::Start(it) => write!(f, "start:{it}"),
            Self::Stop(it) => write!(f, "stop:{it}"),
            Self::Erase(it) => write!(f, "erase:{it}"),
            Self::Cat(it) => write!(f, "cat:{it}"),
            Self::Talk(it) => write!(f, "talk:{it}"),
            Self::Exit(it) => write!(f, "exit:{it}"),
            Self::Missing => f.write_str("missing"),
            Self::Push(it) => write!(f, "push:{it}"),
            Self::Break(it) => write!(f, "break:{it}"),
            Self::Pull(it) => write!(f, "pull:{it}"),
            Self::Outage(after, lasting) => write!(f, "outage:{after}:{lasting}"),
            Self::Pass(it) => write!(f, "pass:{it}"),
        }
    }
}

impl FromStr for Deed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let mut number = || -> Result<u64, String> {
            let part = parts.next().ok_or(format!("a number is missing: {text}"))?;
            part.parse().map_err(|_| format!("no number: {text}"))
        };
        let size = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        Ok(match name {
            "server" => Self::Server,
            "list" => Self::List,
            "make" => Self::Make,
            "get" => Self::Get(size(number()?)),
            "delete" => Self::Delete(size(number()?)),
            "edit" => Self::Edit,
            "watch" => Self::Watch,
            "cancel" => Self::Cancel,
            "instances" => Self::Instances,
            "create" => Self::Create,
            "start" => Self::Start(size(number()?)),
            "stop" => Self::Stop(size(number()?)),
            "erase" => Self::Erase(size(number()?)),
            "cat" => Self::Cat(size(number()?)),
            "talk" => Self::Talk(size(number()?)),
            "exit" => Self::Exit(u8::try_from(number()?).unwrap_or(u8::MAX)),
            "missing" => Self::Missing,
            "push" => Self::Push(size(number()?)),
            "break" => Self::Break(size(number()?)),
            "pull" => Self::Pull(size(number()?)),
            "outage" => Self::Outage(number()?, number()?),
            "pass" => Self::Pass(number()?),
            _ => return Err(format!("no such deed: {text}")),
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.number, self.client, self.deed)?;
        match self.how {
            How::Wait => Ok(()),
            How::Beside => f.write_str(" beside"),
            How::Drop(turns) => write!(f, " drop:{turns}"),
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let mut word = || words.next().ok_or(format!("a word is missing: {text}"));
        let number = word()?.parse().map_err(|_| format!("no number: {text}"))?;
        let client = word()?.parse().map_err(|_| format!("no client: {text}"))?;
        let deed = word()?.parse()?;
        let how = match words.next() {
            None => How::Wait,
            Some("beside") => How::Beside,
            Some(other) => match other.strip_prefix("drop:").and_then(|it| it.parse().ok()) {
                Some(turns) => How::Drop(turns),
                None => return Err(format!("no way to do it: {other}")),
            },
        };
        Ok(Self { number, client, deed, how })
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flavour = if self.flavour == Flavour::Lxd { "lxd" } else { "incus" };
        write!(f, "{} {flavour} {} {}", self.seed, self.clients, self.weather)?;
        for step in &self.steps {
            write!(f, "; {step}")?;
        }
        Ok(())
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let head: Vec<_> = parts.next().unwrap_or_default().split_whitespace().collect();
        let [seed, flavour, clients, weather] = head[..] else {
            return Err("a program begins with seed, flavour, number of clients and weather".into());
        };
        Ok(Self {
            seed: seed.parse().map_err(|_| format!("no seed: {seed}"))?,
            flavour: Flavour::named(flavour).ok_or(format!("no flavour: {flavour}"))?,
            clients: clients.parse().map_err(|_| format!("no number: {clients}"))?,
            weather: weather.parse()?,
            steps: parts.filter(|it| !it.is_empty()).map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_its_text() {
        for seed in 0..200 {
            let program = super::super::draw(seed, None);
            assert_eq!(program.to_string().parse(), Ok(program));
        }
        for bad in
            ["", "1 incus 2", "1 incus 2 fog", "1 incus 2 calm; 0 0 dance", "1 incus 2 calm; 0 0 list later"]
        {
            assert!(bad.parse::<Program>().is_err(), "{bad}");
        }
    }
}
