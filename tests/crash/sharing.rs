//! `push`, `fetch`, `pull`, `clone` and `gc`, cut off: the repository and the hub lie on the same disk, which fails
//! for both at once, as it does for one of them.

use std::path::Path;
use std::sync::Arc;

use mdl::disk::testing::UnsyncedDisk;
use mdl::progress::Silent;
use mdl::repo::{
    CheckoutOptions, CloneOptions, FetchOptions, GcOptions, MergeOptions, Place, RepoError, Repository,
};
use mdl::sync::Terms;
use mdl::worktree::apply::ApplyError;

use crate::commits::{BIRTH, SETTLED, SIBLING};
use crate::explore::{Effort, run};
use crate::project::Project;
use crate::record::{Again, Command, Scenario};
use crate::runs::RUN;

const EFFORT: Effort = Effort { states: 10, next: 12, nested: 12, prefixes: 1 };

/// Reasons for syncs that are not missed, besides those of commits.
const TWICE: &str = "what was written is settled once more before it is relied on; either would do";
const CACHE: &str = "a cache may be lost";
const WHOLE: &str = "of a run that was pushed only the end is there, and that is in the batch as well";
const REPLACED: &str = "it is written again before there is a repository";
const UNSEEN: &str = "there is no repository before `format`, and everything is settled just before that";

fn ideal() -> Arc<UnsyncedDisk> {
    Arc::new(UnsyncedDisk)
}

/// A repository with a commit, and a hub that has nothing yet.
fn alone(project: &Project) {
    project.small();
    project.committed();
    let mut repository = project.repository();
    let origin = "origin".parse().unwrap();
    repository.add_remote(&origin, project.hub_path().to_str().unwrap(), project.root(), false).unwrap();
}

/// A repository with a commit that the hub has too.
fn shared(project: &Project) {
    alone(project);
    project.push(ideal()).unwrap();
}

/// A change of data, a branch, a tag and a run.
fn change(project: &Project) {
    project.write("data/train.csv", "x,y\n1,2\n3,5\n");
    project.write("data/more/test.csv", "x,y\n5,6\n");
    project.write("new.py", "print('new')\n");
    let head = project.committed();
    let repository = project.repository();
    repository.create_tag(&"v1".parse().unwrap(), head, "the first", false).unwrap();
    RUN(project, ideal()).unwrap();
}

/// Takes back the last move of `main`, as if who moved it had been killed just before.
fn stopped_short(keys: &Path) {
    let entries = std::fs::read_dir(keys.join("refs/heads/main")).unwrap();
    let number = |path: &Path| path.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    let last = entries.map(|entry| entry.unwrap().path()).max_by_key(|path| number(path));
    std::fs::remove_file(last.unwrap()).unwrap();
}

pub const FIRST_PUSH: Scenario = Scenario {
    name: "the first push",
    before: alone,
    command: |project, disk| project.push(disk),
    again: Again::Always,
    steps: true,
    redundant: &[
        ("names in hub", SIBLING),
        ("names in hub #2", SIBLING),
        ("names in hub/packs", SIBLING),
        ("names in hub/refs/heads/main", BIRTH),
        ("names in work/.mdl/cache", CACHE),
        ("names in work/.mdl/cache/remotes", CACHE),
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/meta", SETTLED),
        ("names in work/.mdl/refs/remotes/origin%2Fmain", BIRTH),
    ],
};

pub const PUSH: Scenario = Scenario {
    name: "push",
    before: |project| {
        shared(project);
        change(project);
    },
    command: |project, disk| project.push(disk),
    again: Again::Always,
    steps: true,
    redundant: &[
        ("names in hub/packs/data #2", SETTLED),
        ("names in hub/packs/data #3", SETTLED),
        ("names in hub/refs", SIBLING),
        ("names in hub/refs/runs/*", BIRTH),
        ("names in hub/refs/tags/v1", BIRTH),
        ("names in work/.mdl", SETTLED),
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/meta", SETTLED),
    ],
};

/// So many tags that they are created together, and made durable with the whole file system.
fn tagged(project: &Project) {
    let repository = project.repository();
    let head = repository.head().unwrap().commit().unwrap();
    for number in 0..34 {
        repository.create_tag(&format!("v{number}").parse().unwrap(), head, "many", false).unwrap();
    }
}

pub const PUSH_OF_MANY: Scenario = Scenario {
    name: "push of many refs",
    before: |project| {
        shared(project);
        tagged(project);
    },
    redundant: &[
        ("everything below hub #2", TWICE),
        ("names in hub/packs/data", SETTLED),
        ("names in hub/packs/meta", TWICE),
        ("names in hub/refs", SIBLING),
        ("names in hub/refs/heads/main", SETTLED),
        ("names in work/.mdl", SETTLED),
        ("names in work/.mdl/refs/remotes/origin%2Fmain", SETTLED),
    ],
    ..PUSH
};

pub const FETCH_OF_MANY: Scenario = Scenario {
    name: "fetch of many refs",
    before: |project| {
        shared(project);
        project.elsewhere(|project| {
            tagged(project);
            project.push(ideal()).unwrap();
        });
    },
    redundant: &[
        ("everything below work/.mdl #2", TWICE),
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/meta", TWICE),
        ("names in work/.mdl/packs/meta #2", TWICE),
        ("names in work/.mdl/refs", SIBLING),
        ("names in work/.mdl/refs/remotes/origin%2Fmain", SETTLED),
    ],
    ..FETCH
};

fn shared_and_changed_elsewhere(project: &Project) {
    shared(project);
    project.elsewhere(|project| {
        change(project);
        project.push(ideal()).unwrap();
    });
}

pub const FETCH: Scenario = Scenario {
    name: "fetch",
    before: shared_and_changed_elsewhere,
    command: |project, disk| project.open(disk)?.fetch(&FetchOptions::default(), &Silent).map(drop),
    again: Again::Always,
    steps: true,
    redundant: &[
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/meta", TWICE),
        ("names in work/.mdl/packs/meta #2", TWICE),
        ("names in work/.mdl/refs", SIBLING),
        ("names in work/.mdl/refs/runs/*", BIRTH),
        ("names in work/.mdl/refs/tags/v1", BIRTH),
    ],
};

/// So many finished runs that a fetch makes a batch of them.
pub const FETCH_OF_RUNS: Scenario = Scenario {
    name: "fetch of runs",
    before: |project| {
        shared(project);
        project.elsewhere(|project| {
            for _ in 0..9 {
                RUN(project, ideal()).unwrap();
                project.push(ideal()).unwrap();
            }
        });
    },
    ..FETCH
};

/// What a branch of the hub needs is brought, too.
pub const FETCH_OF_DATA: Scenario = Scenario {
    name: "fetch of data",
    command: |project, disk| {
        (FETCH.command)(project, disk.clone())?;
        let repository = project.open(disk)?;
        repository.fetch_data(&repository.resolve("origin/main")?, &[], &Silent).map(drop)
    },
    ..FETCH
};

const PULL_COMMAND: Command =
    |project, disk| project.open(disk)?.pull(None, None, &MergeOptions::default(), &Silent).map(drop);

pub const PULL: Scenario = Scenario {
    name: "pull",
    before: shared_and_changed_elsewhere,
    command: PULL_COMMAND,
    again: Again::Always,
    steps: true,
    redundant: &[
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/meta", TWICE),
        ("names in work/.mdl/packs/meta #2", TWICE),
        ("names in work/.mdl/packs/meta #3", SETTLED),
        ("names in work/.mdl/refs", SIBLING),
        ("names in work/.mdl/refs/runs/*", BIRTH),
        ("names in work/.mdl/refs/tags/v1", BIRTH),
    ],
};

pub const MERGED_PULL: Scenario = Scenario {
    name: "pull that merges",
    before: |project| {
        shared_and_changed_elsewhere(project);
        project.write("params.yaml", "lr: 0.2\nseed: 7\n");
        project.committed();
    },
    command: PULL_COMMAND,
    again: Again::Always,
    steps: true,
    redundant: &[
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/meta", TWICE),
        ("names in work/.mdl/packs/meta #2", TWICE),
        ("names in work/.mdl/packs/meta #3", TWICE),
        ("names in work/.mdl/packs/meta #4", TWICE),
        ("names in work/.mdl/refs", SIBLING),
        ("names in work/.mdl/refs/runs/*", BIRTH),
        ("names in work/.mdl/refs/tags/v1", BIRTH),
    ],
};

/// What a person does who is told that the folder is not empty: there is a repository, so files can be put back.
fn clone(project: &Project, disk: Arc<dyn mdl::disk::Disk>) -> Result<(), RepoError> {
    let (hub, options) = (project.hub_path(), CloneOptions::default());
    let url = hub.to_str().unwrap();
    let made = Repository::clone_on(url, project.root(), &project.tree(), &options, &Silent, disk.clone());
    match made {
        Err(RepoError::Apply(ApplyError::NotEmpty(_))) => {
            let options = CheckoutOptions { force: true, dry_run: false };
            project.open(disk)?.checkout("main", options, &Silent).map(drop)
        }
        made => made.map(drop),
    }
}

pub const CLONE: Scenario = Scenario {
    name: "clone",
    before: |project| {
        shared(project);
        change(project);
        project.push(ideal()).unwrap();
        std::fs::remove_dir_all(project.tree()).unwrap();
        std::fs::create_dir(project.tree()).unwrap();
    },
    command: clone,
    again: Again::Always,
    steps: true,
    redundant: &[
        ("bytes of work/.mdl/HEAD", REPLACED),
        ("bytes of work/.mdl/config.toml", REPLACED),
        ("names in ", SIBLING),
        ("names in  #2", SIBLING),
        ("names in work", SIBLING),
        ("names in work/.mdl", UNSEEN),
        ("names in work/.mdl #2", UNSEEN),
        ("names in work/.mdl #3", UNSEEN),
        ("names in work/.mdl #4", UNSEEN),
        ("names in work/.mdl #5", UNSEEN),
        ("names in work/.mdl #6", UNSEEN),
        ("names in work/.mdl #7", UNSEEN),
        ("names in work/.mdl/cache", CACHE),
        ("names in work/.mdl/cache/remotes", CACHE),
        ("names in work/.mdl/packs", UNSEEN),
        ("names in work/.mdl/packs/meta", TWICE),
        ("names in work/.mdl/packs/meta #2", TWICE),
        ("names in work/.mdl/refs", UNSEEN),
        ("names in work/.mdl/refs #2", UNSEEN),
        ("names in work/.mdl/refs #3", UNSEEN),
        ("names in work/.mdl/refs/heads/main", UNSEEN),
        ("names in work/.mdl/refs/heads/main #2", UNSEEN),
        ("names in work/.mdl/refs/heads/main #3", UNSEEN),
        ("names in work/.mdl/refs/remotes/origin%2Fmain", UNSEEN),
        ("names in work/.mdl/refs/remotes/origin%2Fmain #2", UNSEEN),
        ("names in work/.mdl/refs/remotes/origin%2Fmain #3", UNSEEN),
        ("names in work/.mdl/refs/runs/*", UNSEEN),
        ("names in work/.mdl/refs/runs/* #2", UNSEEN),
        ("names in work/.mdl/refs/runs/* #3", UNSEEN),
        ("names in work/.mdl/refs/tags/v1", UNSEEN),
        ("names in work/.mdl/refs/tags/v1 #2", UNSEEN),
        ("names in work/.mdl/refs/tags/v1 #3", UNSEEN),
    ],
};

const ALL: GcOptions = GcOptions { dry_run: false, all: true };

pub const GC: Scenario = Scenario {
    name: "gc",
    before: |project| {
        shared(project);
        change(project);
        project.write("data/train.csv", "x,y\n7,7\n");
        project.committed();
        stopped_short(&project.tree().join(".mdl"));
    },
    command: |project, disk| project.open(disk)?.gc(ALL, &Silent).map(drop),
    again: Again::Always,
    steps: false,
    redundant: &[
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/data #2", SETTLED),
        ("names in work/.mdl/packs/meta #2", SETTLED),
        ("names in work/.mdl/refs/heads/main", TWICE),
        ("names in work/.mdl/refs/heads/main #2", TWICE),
        ("names in work/.mdl/refs/packed #2", SETTLED),
        ("names in work/.mdl/refs/packed/*", BIRTH),
        ("names in work/.mdl/refs/packed/* #3", SETTLED),
        ("names in work/.mdl/refs/remotes/origin%2Fmain", TWICE),
        ("names in work/.mdl/refs/remotes/origin%2Fmain #2", TWICE),
        ("names in work/.mdl/refs/tags/v1", TWICE),
        ("names in work/.mdl/refs/tags/v1 #2", TWICE),
    ],
};

pub const COMPACTION: Scenario = Scenario {
    name: "compaction along the way",
    before: |project| {
        shared(project);
        change(project);
        RUN(project, ideal()).unwrap();
    },
    command: |project, disk| project.open(disk)?.compact(Terms::ALWAYS).map(drop),
    again: Again::Always,
    steps: false,
    redundant: &[
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/refs/packed", TWICE),
        ("names in work/.mdl/refs/packed #2", TWICE),
        ("names in work/.mdl/refs/packed/*", BIRTH),
        ("names in work/.mdl/refs/packed/* #2", TWICE),
        ("names in work/.mdl/refs/packed/* #3", TWICE),
    ],
};

pub const GC_OF_THE_HUB: Scenario = Scenario {
    name: "gc of the hub",
    before: |project| {
        shared(project);
        change(project);
        project.push(ideal()).unwrap();
        project.elsewhere(|project| {
            project.write("params.yaml", "lr: 0.2\nseed: 7\n");
            let kept = project.committed();
            project.repository().create_tag(&"v2".parse().unwrap(), kept, "kept", false).unwrap();
            project.write("data/train.csv", "x,y\n7,7\n");
            project.committed();
            // One pack for both.
            project.push(ideal()).unwrap();
        });
        stopped_short(&project.hub_path());
    },
    command: |project, disk| {
        let repository = project.open(disk)?;
        let hub = Place::new(Some(&repository), Some("origin"), project.root())?;
        repository.gc_at(&hub, ALL, &Silent).map(drop)
    },
    again: Again::Always,
    steps: false,
    redundant: &[
        ("names in hub/packs/data", SETTLED),
        ("names in hub/packs/data #2", SETTLED),
        ("names in hub/packs/meta #2", SETTLED),
        ("names in hub/refs/heads/main", TWICE),
        ("names in hub/refs/heads/main #2", TWICE),
        ("names in hub/refs/packed #2", SETTLED),
        ("names in hub/refs/packed/*", BIRTH),
        ("names in hub/refs/packed/* #3", SETTLED),
        ("names in hub/refs/runs", WHOLE),
        ("names in hub/refs/tags/v1", TWICE),
        ("names in hub/refs/tags/v1 #2", TWICE),
        ("names in hub/refs/tags/v2", TWICE),
        ("names in hub/refs/tags/v2 #2", TWICE),
    ],
};

#[test]
fn a_first_push() {
    run(&FIRST_PUSH, EFFORT);
}

#[test]
fn a_push() {
    run(&PUSH, EFFORT);
}

#[test]
fn a_push_of_many_refs() {
    run(&PUSH_OF_MANY, Effort { states: 8, next: 60, nested: 200, prefixes: 2 });
}

#[test]
fn a_fetch_of_many_refs() {
    run(&FETCH_OF_MANY, Effort { states: 8, next: 60, nested: 200, prefixes: 2 });
}

#[test]
fn a_fetch() {
    run(&FETCH, EFFORT);
}

#[test]
fn a_pull() {
    run(&PULL, Effort { states: 8, nested: 24, ..EFFORT });
}

#[test]
fn a_pull_that_merges() {
    run(&MERGED_PULL, Effort { states: 8, nested: 24, prefixes: 2, ..EFFORT });
}

#[test]
fn a_clone() {
    run(&CLONE, Effort { states: 6, nested: 24, prefixes: 2, ..EFFORT });
}

#[test]
fn a_compaction() {
    run(&COMPACTION, EFFORT);
}

#[test]
fn a_collection() {
    run(&GC, EFFORT);
}

#[test]
fn a_collection_of_the_hub() {
    run(&GC_OF_THE_HUB, EFFORT);
}
