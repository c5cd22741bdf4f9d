//! The order of the kernels of one entry.
//!
//! Three topological orders are made: that of the graph; depth first from the result, of two arguments the one whose
//! subtree needs more room first (Sethi and Ullman 1970, on a DAG a heuristic); and greedy, always the ready kernel that
//! adds the fewest live elements. The caller places each and keeps the one with the smallest workspace, the earlier at a
//! tie. Nothing depends on addresses or hash order: the same kernels give the same orders.

use super::kernel::Kernel;
use super::select::{Selected, Unplaced};

/// What must run before what.
struct Dependencies {
    /// Kernels whose results a kernel reads.
    sources: Vec<Vec<usize>>,
    /// Buffers a kernel reads.
    reads: Vec<Vec<usize>>,
    /// Buffer a kernel writes.
    writes: Vec<usize>,
}

/// Candidate orders, as positions in `selected.kernels`.
pub(super) fn orders(selected: &Selected) -> [Vec<usize>; 3] {
    let dependencies = Dependencies::new(selected);
    let depth_first = depth_first(selected, &dependencies);
    // What the walk from the result does not meet is not needed.
    let mut is_needed = vec![false; selected.kernels.len()];
    depth_first.iter().for_each(|position| is_needed[*position] = true);
    let of_graph: Vec<usize> = (0..selected.kernels.len()).filter(|position| is_needed[*position]).collect();
    let mut greedy = greedy(selected, &dependencies);
    greedy.retain(|position| is_needed[*position]);
    [of_graph, depth_first, greedy]
}

impl Dependencies {
    fn new(selected: &Selected) -> Self {
        let mut writers: Vec<Vec<(usize, usize, usize)>> = vec![Vec::new(); selected.buffers.len()];
        let mut writes = Vec::new();
        for (position, kernel) in selected.kernels.iter().enumerate() {
            let write = kernel.write();
            let (buffer, offset) = buffer(write.at).unwrap_or((0, 0));
            writers[buffer].push((offset, offset + write.span, position));
            writes.push(buffer);
        }
        let mut sources = Vec::new();
        let mut reads = Vec::new();
        for kernel in &selected.kernels {
            let mut before = Vec::new();
            let mut read_buffers = Vec::new();
            for access in kernel.reads() {
                let Some((buffer, offset)) = buffer(access.at) else { continue };
                read_buffers.push(buffer);
                let overlapping =
                    writers[buffer].iter().filter(|(from, to, _)| *from < offset + access.span && offset < *to);
                before.extend(overlapping.map(|(_, _, position)| *position));
            }
            for list in [&mut before, &mut read_buffers] {
                list.sort_unstable();
                list.dedup();
            }
            sources.push(before);
            reads.push(read_buffers);
        }
        Self { sources, reads, writes }
    }
}

/// The buffer an operand lies in, and the element.
pub(super) fn buffer(at: Unplaced) -> Option<(usize, usize)> {
    match at {
        Unplaced::Buffer { index, offset } => Some((index, offset)),
        Unplaced::Constant(_) => None,
    }
}

/// Post-order from the result, the subtree with the larger need first.
fn depth_first(selected: &Selected, dependencies: &Dependencies) -> Vec<usize> {
    let count = selected.kernels.len();
    // Elements alive at once while a kernel's subtree is computed, were it a tree.
    let mut need = vec![0usize; count];
    let mut sorted = dependencies.sources.clone();
    for position in 0..count {
        sorted[position].sort_by_key(|source| (std::cmp::Reverse(need[*source]), *source));
        let mut held = 0;
        for source in &sorted[position] {
            need[position] = need[position].max(held + need[*source]);
            held += selected.kernels[*source].write().span;
        }
        need[position] = need[position].max(held + selected.kernels[position].write().span);
    }
    let mut order = Vec::with_capacity(count);
    let mut is_done = vec![false; count];
    let is_result =
        |position: &usize| Some(dependencies.writes[*position]) == buffer(selected.result).map(|(index, _)| index);
    let mut roots: Vec<usize> = (0..count).filter(is_result).collect();
    roots.sort_by_key(|root| (std::cmp::Reverse(need[*root]), *root));
    for root in roots {
        let mut stack = vec![(root, 0)];
        while let Some((position, next)) = stack.pop() {
            match sorted[position].get(next) {
                Some(source) => {
                    stack.push((position, next + 1));
                    if !is_done[*source] {
                        stack.push((*source, 0));
                    }
                }
                None if !is_done[position] => {
                    is_done[position] = true;
                    order.push(position);
                }
                None => {}
            }
        }
    }
    order
}

/// Always the ready kernel that adds the fewest live elements, the earliest at a tie.
fn greedy(selected: &Selected, dependencies: &Dependencies) -> Vec<usize> {
    let count = selected.kernels.len();
    let mut waiting: Vec<usize> = dependencies.sources.iter().map(Vec::len).collect();
    let mut users = vec![Vec::new(); count];
    for (position, sources) in dependencies.sources.iter().enumerate() {
        for source in sources {
            users[*source].push(position);
        }
    }
    let mut readers = vec![0usize; selected.buffers.len()];
    dependencies.reads.iter().flatten().for_each(|buffer| readers[*buffer] += 1);
    let mut is_live = vec![false; selected.buffers.len()];
    let growth = |position: usize, readers: &[usize], is_live: &[bool]| -> isize {
        let size = |buffer: usize| isize::try_from(selected.buffers[buffer]).unwrap_or(isize::MAX);
        let write = dependencies.writes[position];
        let added = if is_live[write] { 0 } else { size(write) };
        let freed = dependencies.reads[position].iter().filter(|buffer| **buffer > 1 && readers[**buffer] == 1);
        added - freed.map(|buffer| size(*buffer)).sum::<isize>()
    };
    let mut ready: Vec<usize> = (0..count).filter(|position| waiting[*position] == 0).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(chosen) = (0..ready.len()).min_by_key(|at| (growth(ready[*at], &readers, &is_live), ready[*at])) {
        let position = ready.swap_remove(chosen);
        order.push(position);
        is_live[dependencies.writes[position]] = true;
        dependencies.reads[position].iter().for_each(|buffer| readers[*buffer] -= 1);
        for user in &users[position] {
            waiting[*user] -= 1;
            if waiting[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    order
}

/// The kernels of an entry in another order.
pub(super) fn reordered(kernels: &[Kernel<Unplaced>], order: &[usize]) -> Vec<Kernel<Unplaced>> {
    order.iter().map(|position| kernels[*position].clone()).collect()
}
