//! Which file imports from which. An import counts for the file that defines the name, however the name came into
//! scope; declarations of modules and re-exports are none, and tests may see whatever they like.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};
use syn::{
    Attribute, File, Ident, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Macro, Path, UseTree, Visibility,
    visit::{self, Visit},
};

use super::source::{Finding, Source};

/// Where packages have their sources.
const PACKAGES: [&str; 6] = [
    "adapter/bridge/src/",
    "adapter/src/",
    "broker/src/",
    "scripts/ops/src/",
    "shared/site/src/",
    "shared/src/",
];

/// A path, a segment each.
type Segments = Vec<String>;

/// What a module defines, and what it names.
#[derive(Debug, Default)]
struct Module {
    file: String,
    defined: BTreeSet<String>,
    children: BTreeSet<String>,
    /// Names in scope, and the paths that brought them.
    imported: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
    /// Paths that count as imports where they lead into another file.
    named: BTreeSet<Segments>,
}

/// The modules of one package by their paths; the root's is empty.
#[derive(Debug, Default)]
struct Package(BTreeMap<Segments, Module>);

/// Files that import each other, directly or around a corner.
pub(super) fn circles(sources: &[Source]) -> Vec<Finding> {
    PACKAGES.iter().flat_map(|package| circles_of(sources, package)).collect()
}

fn circles_of(sources: &[Source], package: &str) -> Vec<Finding> {
    let imports = Package::read(sources, package).imports();
    let graph: DiGraphMap<&str, &str> =
        imports.iter().map(|((from, to), name)| (from.as_str(), to.as_str(), name.as_str())).collect();
    let mut findings = Vec::new();
    for circle in tarjan_scc(&graph).iter().filter(|circle| circle.len() > 1) {
        let of_circle =
            graph.all_edges().filter(|(from, to, _)| circle.contains(from) && circle.contains(to));
        for (from, to, name) in of_circle {
            let source = sources.iter().find(|source| source.path == from).expect("it was read");
            let last = name.rsplit("::").next().unwrap_or_default();
            let line = source.code().find(|(_, code)| code.contains(last)).map_or(1, |(line, _)| line);
            let remedy = format!(
                "in a circle of {} files: imports {name} from {to}; move what both need into a file below both",
                circle.len()
            );
            findings.push(source.finding(line, remedy));
        }
    }
    findings
}

impl Package {
    fn read(sources: &[Source], package: &str) -> Self {
        let mut modules = Self::default();
        for source in sources.iter().filter(|source| source.is("rs")) {
            let Some(place) = source.path.strip_prefix(package) else { continue };
            let path: Segments = match place.trim_end_matches(".rs") {
                "main" if sources.iter().any(|source| source.path == format!("{package}lib.rs")) => continue,
                "lib" | "main" => Vec::new(),
                place => place.split('/').map(str::to_owned).collect(),
            };
            if path.last().is_some_and(|name| name == "tests") {
                continue;
            }
            let file: File =
                syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
            ImportReader { package: &mut modules, path, file: &source.path }.visit_file(&file);
        }
        modules
    }

    /// Each pair of files of which the first imports from the second, and a name that it imports.
    fn imports(&self) -> BTreeMap<(String, String), String> {
        let mut imports = BTreeMap::new();
        for (path, module) in &self.0 {
            for named in &module.named {
                if let Some(file) = self.file_of(path, named, 0).filter(|file| *file != module.file) {
                    imports.insert((module.file.clone(), file.to_owned()), named.join("::"));
                }
            }
        }
        imports
    }

    /// The file that defines what `named` leads to from a module; `None` for a module, and for what is not of this package.
    fn file_of(&self, from: &[String], named: &[String], depth: usize) -> Option<&str> {
        let mut at = match named.first()?.as_str() {
            "crate" => Vec::new(),
            _ => from.to_vec(),
        };
        for (index, name) in named.iter().enumerate() {
            let rest = &named[index + 1..];
            match name.as_str() {
                "crate" | "self" => continue,
                "super" => {
                    at.pop();
                    continue;
                }
                _ => {}
            }
            let module = self.0.get(&at)?;
            if module.children.contains(name) && !rest.is_empty() {
                at.push(name.clone());
                continue;
            }
            if module.defined.contains(name) {
                return Some(&module.file);
            }
            // Names that import each other are no Rust; a glob of a glob may lead around.
            if depth > 8 {
                return None;
            }
            if let Some(imported) = module.imported.get(name) {
                let full: Segments = imported.iter().chain(rest).cloned().collect();
                return self.file_of(&at, &full, depth + 1);
            }
            return module.globs.iter().find_map(|glob| {
                let full: Segments = glob.iter().chain(&named[index..]).cloned().collect();
                self.file_of(&at, &full, depth + 1)
            });
        }
        None
    }
}

/// Reads a file into its package.
struct ImportReader<'a> {
    package: &'a mut Package,
    path: Segments,
    file: &'a str,
}

impl ImportReader<'_> {
    fn module(&mut self) -> &mut Module {
        let module = self.package.0.entry(self.path.clone()).or_default();
        module.file.clear();
        module.file.push_str(self.file);
        module
    }

    fn import(&mut self, before: &[String], tree: &UseTree, is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                let before: Segments = before.iter().cloned().chain([path.ident.to_string()]).collect();
                self.import(&before, &path.tree, is_public);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(before, tree, is_public)),
            UseTree::Glob(_) => {
                self.module().globs.push(before.to_vec());
            }
            UseTree::Name(name) => self.import_name(before, &name.ident, &name.ident, is_public),
            UseTree::Rename(rename) => self.import_name(before, &rename.ident, &rename.rename, is_public),
        }
    }

    fn import_name(&mut self, before: &[String], name: &Ident, alias: &Ident, is_public: bool) {
        let mut full = before.to_vec();
        let mut alias = alias.to_string();
        if name == "self" {
            alias = before.last().cloned().unwrap_or_default();
        } else {
            full.push(name.to_string());
        }
        if !is_public {
            self.module().named.insert(full.clone());
        }
        // A child that is imported by its own name is in scope already.
        if full != [alias.clone()] {
            self.module().imported.insert(alias, full);
        }
    }
}

impl<'ast> Visit<'ast> for ImportReader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            _ => None,
        };
        if let Some(name) = name {
            self.module().defined.insert(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_of_tests(&item.attrs) {
            self.import(&[], &item.tree, !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_of_tests(&item.attrs) {
            return;
        }
        let name = item.ident.to_string();
        self.module().children.insert(name.clone());
        // One in a file of its own is read with that file.
        if item.content.is_none() {
            return;
        }
        self.path.push(name);
        visit::visit_item_mod(self, item);
        self.path.pop();
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.module().named.insert(segments);
        visit::visit_path(self, path);
    }

    /// What a macro is given is words to us.
    fn visit_macro(&mut self, item: &'ast Macro) {
        for path in paths(&item.tokens.to_string()) {
            self.module().named.insert(path);
        }
        visit::visit_macro(self, item);
    }
}

/// Whether it is compiled for tests alone.
fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let of_tests = attribute.path().is_ident("cfg")
            && attribute.parse_args::<Ident>().is_ok_and(|condition| condition == "test");
        of_tests || attribute.path().is_ident("test")
    })
}

/// The paths in tokens.
fn paths(tokens: &str) -> Vec<Segments> {
    let joined = tokens.replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::");
    joined
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'))
        .filter(|path| !path.is_empty())
        .map(|path| path.split("::").map(str::to_owned).collect())
        .collect()
}
