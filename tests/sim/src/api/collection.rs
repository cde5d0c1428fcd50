use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::body::{self, Config};
use super::listing;
use crate::http::{Answer, Answered, Refusal, Request, check_match};
use crate::world::World;

/// Where an item is kept: its project, what it belongs to (or nothing), its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) project: String,
    pub(crate) parent: String,
    pub(crate) name: String,
}

/// The items of one kind.
pub(crate) type Items = BTreeMap<Place, Item>;

/// A resource that is hardly more than what a client wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    pub(crate) description: String,
    pub(crate) config: Config,
    /// The lists that a client writes, and what is there from its creation on.
    pub(crate) more: Map<String, Value>,
    pub(crate) created: Timestamp,
}

/// A kind of resource, as data: what differs from one to the next.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its name in the state.
    pub(crate) id: &'static str,
    /// The path of one of them below `/1.0`; the parent is empty if it has none.
    pub(crate) path: fn(&World, parent: &str, name: &str) -> String,
    /// Which feature lets a project have its own; otherwise they are of no project.
    pub(crate) feature: Option<&'static str>,
    /// How the actions of its events begin.
    pub(crate) action: &'static str,
    /// What names it in a request.
    pub(crate) key: &'static str,
    /// Members that are lists, and may be written.
    pub(crate) lists: &'static [&'static str],
    /// Members that are given once, when it is made.
    pub(crate) fixed: &'static [&'static str],
    /// The path that events tell.
    pub(crate) source: fn(&World, &Place) -> String,
    /// When it is not there, for who reads it and who changes it.
    pub(crate) missing: [&'static str; 2],
    /// When it is used, for who deletes it.
    pub(crate) in_use: &'static str,
    /// When its name is taken, for who makes it or who renames another one.
    pub(crate) taken: fn(&World, name: &str, renames: bool) -> Refusal,
    /// Refuses a name.
    pub(crate) check_name: fn(&World, name: &str) -> Result<(), Refusal>,
    /// Refuses what was written, and completes it when it is new.
    pub(crate) check: fn(&mut World, &Place, &mut Item, old: Option<&Item>) -> Result<(), Refusal>,
    /// The configuration that a partial change is merged with.
    pub(crate) base: fn(&World, &Place, &Item) -> Config,
    /// What is said to who gives it another name, and none; empty if it keeps its name for ever.
    pub(crate) renamed: &'static str,
    /// Changes are told before they are looked at.
    pub(crate) told_first: bool,
    /// A partial change leaves the description alone when it has none.
    pub(crate) keeps: bool,
    /// Adds what follows from elsewhere; whether it is for a list.
    pub(crate) dress: fn(&World, &Place, &Item, &mut Value, bool),
    /// The URLs of what uses it.
    pub(crate) users: fn(&World, &Place) -> Vec<String>,
}

impl World {
    pub(crate) fn items(&self, kind: &Kind) -> &Items {
        static NONE: Items = Items::new();
        self.state.collections.get(kind.id).unwrap_or(&NONE)
    }

    pub(crate) fn place(
        &self,
        request: &Request,
        kind: &Kind,
        parent: &str,
        name: &str,
    ) -> Result<Place, Refusal> {
        let project = match kind.feature {
            Some(feature) => self.home_checked(request.project(), feature)?,
            None => "default",
        };
        Ok(Place { project: project.to_owned(), parent: parent.to_owned(), name: name.to_owned() })
    }

    pub(crate) fn item(&self, kind: &Kind, place: &Place, changes: bool) -> Result<&Item, Refusal> {
        let text = kind.missing[usize::from(changes)];
        self.items(kind).get(place).ok_or_else(|| Refusal::new(404, text))
    }

    pub(crate) fn item_value(&self, kind: &Kind, place: &Place, item: &Item, listed: bool) -> Value {
        let mut value = writable(item);
        value[kind.key] = place.name.as_str().into();
        (kind.dress)(self, place, item, &mut value, listed);
        value
    }

    pub(crate) fn item_event(&mut self, kind: &Kind, what: &str, place: &Place, context: Option<Value>) {
        let path = (kind.source)(self, place);
        self.lifecycle(&format!("{}-{what}", kind.action), &place.project, &path, context);
    }

    pub(crate) fn keep_item(&mut self, kind: &Kind, place: Place, item: Item) {
        self.state.collections.entry(kind.id).or_default().insert(place, item);
    }

    pub(crate) fn drop_item(&mut self, kind: &Kind, place: &Place) {
        self.state.collections.entry(kind.id).or_default().remove(place);
    }

    /// Gives all that belongs to something to what it is now.
    pub(crate) fn move_items(&mut self, kind: &Kind, project: &str, old: &str, new: &str) {
        let items = self.state.collections.entry(kind.id).or_default();
        for (mut place, item) in std::mem::take(items) {
            if place.project == project && place.parent == old {
                place.parent = new.to_owned();
            }
            items.insert(place, item);
        }
    }
}

/// Refuses what was written: making it by the first code, changing it by the second.
pub(crate) fn refused(old: Option<&Item>, codes: [u16; 2], text: String) -> Result<(), Refusal> {
    Err(Refusal::new(codes[usize::from(old.is_some())], text))
}

/// What all kinds have in common that are nothing special.
pub(crate) const PLAIN: Kind = Kind {
    id: "",
    path: |world, _, name| world.path(&[name]),
    feature: Some("networks"),
    action: "",
    key: "name",
    lists: &[],
    fixed: &[],
    source: |_, _| String::new(),
    missing: ["", ""],
    in_use: "",
    taken: |_, _, _| Refusal::new(409, ""),
    check_name: |_, _| Ok(()),
    check: |_, _, _, _| Ok(()),
    base: |_, _, old| old.config.clone(),
    renamed: "",
    told_first: false,
    keeps: false,
    dress: |world, place, _, value, _| {
        value["used_by"] = json!([]);
        if !world.is_lxd() {
            value["project"] = place.project.as_str().into();
        }
    },
    users: |_, _| Vec::new(),
};

pub(crate) fn writable(item: &Item) -> Value {
    let mut value = Value::Object(item.more.clone());
    value["description"] = item.description.as_str().into();
    value["config"] = json!(item.config);
    value
}

/// Takes what a client may write, for a new item or one in its place.
fn write(kind: &Kind, object: &Map<String, Value>, item: &mut Item) {
    item.description = body::text(object, "description").to_owned();
    item.config = body::config(object.get("config"));
    for list in kind.lists {
        item.more.insert((*list).to_owned(), object.get(*list).cloned().unwrap_or_else(|| json!([])));
    }
}

/// A new item as a client has written it.
pub(crate) fn written(world: &World, kind: &Kind, object: &Map<String, Value>) -> Item {
    let mut item = Item { created: world.time_of_day(), ..Item::default() };
    write(kind, object, &mut item);
    for name in kind.fixed {
        item.more.insert((*name).to_owned(), object.get(*name).cloned().unwrap_or_else(|| "".into()));
    }
    item
}

/// The list of a kind.
pub(crate) fn list(world: &World, request: &Request, kind: &Kind, parent: &str) -> Answered {
    let here = world.place(request, kind, parent, "")?;
    let items = world.items(kind).iter().filter(|(it, _)| it.project == here.project && it.parent == parent);
    let items = items.map(|(place, it)| {
        ((kind.path)(world, parent, &place.name), world.item_value(kind, place, it, true))
    });
    if world.is_lxd() { listing::unfiltered(request, items) } else { listing::list(world, request, items) }
}

/// Makes one.
pub(crate) fn create(world: &mut World, request: &Request, kind: &Kind, parent: &str) -> Answered {
    let object = body::object(request)?;
    body::check(&object, "")?;
    let place = world.place(request, kind, parent, body::text(&object, kind.key))?;
    (kind.check_name)(world, &place.name)?;
    if world.items(kind).contains_key(&place) {
        return Err((kind.taken)(world, &place.name, false));
    }
    let mut item = written(world, kind, &object);
    (kind.check)(world, &place, &mut item, None)?;
    item.config.retain(|_, value| !value.is_empty());
    world.keep_item(kind, place.clone(), item);
    world.item_event(kind, "created", &place, None);
    Ok(created(world, kind, &place))
}

fn created(world: &World, kind: &Kind, place: &Place) -> Answer {
    let path = (kind.path)(world, &place.parent, &place.name);
    Answer::Created(world.in_project(path, &place.project))
}

/// One of them.
pub(crate) fn get(world: &World, request: &Request, kind: &Kind, parent: &str, name: &str) -> Answered {
    let place = world.place(request, kind, parent, name)?;
    let item = world.item(kind, &place, false)?;
    Answer::tagged(world.item_value(kind, &place, item, false), &writable(item))
}

/// Changes one: all of it, or with `merge` what is given.
pub(crate) fn change(
    world: &mut World,
    request: &Request,
    kind: &Kind,
    parent: &str,
    name: &str,
    merge: bool,
) -> Answered {
    let place = world.place(request, kind, parent, name)?;
    let old = world.item(kind, &place, true)?.clone();
    check_match(request.field("if-match"), &writable(&old))?;
    let object = body::object(request)?;
    body::check(&object, "")?;
    let mut new = old.clone();
    write(kind, &object, &mut new);
    if merge {
        let given = std::mem::replace(&mut new.config, (kind.base)(world, &place, &old));
        new.config.extend(given);
        if kind.keeps && !object.contains_key("description") {
            new.description.clone_from(&old.description);
        }
    }
    if kind.told_first {
        world.item_event(kind, "updated", &place, None);
    }
    (kind.check)(world, &place, &mut new, Some(&old))?;
    new.config.retain(|_, value| !value.is_empty());
    world.keep_item(kind, place.clone(), new);
    if !kind.told_first {
        world.item_event(kind, "updated", &place, None);
    }
    Answer::empty()
}

/// Gives one another name.
pub(crate) fn rename(
    world: &mut World,
    request: &Request,
    kind: &Kind,
    parent: &str,
    name: &str,
) -> Answered {
    let old = world.place(request, kind, parent, name)?;
    let item = world.item(kind, &old, true)?.clone();
    let object = body::object(request)?;
    let new = Place { name: body::text(&object, "name").to_owned(), ..old.clone() };
    if new.name.is_empty() && kind.id == "networks" {
        return Err(Refusal::new(400, kind.renamed));
    }
    (kind.check_name)(world, &new.name)?;
    if world.items(kind).contains_key(&new) {
        return Err((kind.taken)(world, &new.name, true));
    }
    if !(kind.users)(world, &old).is_empty() {
        return Err(Refusal::new(400, kind.in_use));
    }
    world.drop_item(kind, &old);
    world.keep_item(kind, new.clone(), item);
    world.item_event(kind, "renamed", &new, Some(json!({ "old_name": name })));
    Ok(created(world, kind, &new))
}

/// Deletes one.
pub(crate) fn delete(
    world: &mut World,
    request: &Request,
    kind: &Kind,
    parent: &str,
    name: &str,
) -> Answered {
    let place = world.place(request, kind, parent, name)?;
    world.item(kind, &place, true)?;
    if !(kind.users)(world, &place).is_empty() {
        return Err(Refusal::new(400, kind.in_use));
    }
    world.drop_item(kind, &place);
    world.item_event(kind, "deleted", &place, None);
    Answer::empty()
}
