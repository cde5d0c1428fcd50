use std::sync::{Arc, OnceLock};

/// A command of any kind.
#[derive(Debug)]
pub(super) enum Node {
    Simple(Simple),
    /// At least two, or one with `!`.
    Pipeline {
        not: bool,
        parts: Vec<Arc<Node>>,
    },
    /// What follows is run if the status so far is success (`true`), or failure.
    AndOr(Arc<Node>, Vec<(bool, Arc<Node>)>),
    List(Vec<Arc<Node>>),
    Background(Arc<Node>),
    Subshell(Arc<Node>),
    If {
        arms: Vec<(Arc<Node>, Arc<Node>)>,
        otherwise: Option<Arc<Node>>,
    },
    While {
        until: bool,
        condition: Arc<Node>,
        body: Arc<Node>,
    },
    /// Without words: the arguments.
    For {
        name: Vec<u8>,
        words: Option<Vec<Word>>,
        body: Arc<Node>,
    },
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, Arc<Node>)>,
    },
    Function {
        name: Vec<u8>,
        body: Arc<Node>,
    },
    Redirected(Arc<Node>, Vec<Redirect>),
}

/// Assignments, words, redirections.
#[derive(Debug, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<(Vec<u8>, Word)>,
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
}

/// What stands together.
pub(super) type Word = Vec<Part>;

#[derive(Debug)]
pub(super) enum Part {
    /// Without quotes: it may be a pattern.
    Text(Vec<u8>),
    Quoted(Vec<u8>),
    Parameter {
        name: Vec<u8>,
        form: Form,
        quoted: bool,
    },
    Command {
        node: Arc<Node>,
        quoted: bool,
    },
    Arithmetic {
        word: Word,
        quoted: bool,
    },
}

/// What is done with a parameter; `empty`: an empty one is as one that is not set.
#[derive(Debug)]
pub(super) enum Form {
    Plain,
    Length,
    Default { empty: bool, word: Word },
    Assign { empty: bool, word: Word },
    Error { empty: bool, word: Word },
    Alternative { empty: bool, word: Word },
    Trim { suffix: bool, longest: bool, word: Word },
}

#[derive(Debug)]
pub(super) struct Redirect {
    pub(super) number: u32,
    pub(super) to: Target,
}

#[derive(Debug)]
pub(super) enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    Both(Word),
    /// Another descriptor; `-` closes.
    Copy(Word),
    /// A here-document: known when the line ends.
    Here(Arc<OnceLock<Word>>),
}
