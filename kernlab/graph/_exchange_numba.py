"""Pairs of stubs made a simple graph by exchanges of partners, compiled."""

import numpy as np

from kernlab._core.jit import njit

# Of slots of a table of links: free, and freed, which a search goes past.
_FREE, _FREED = -1, -2
# The golden ratio in 64 bits, as multiplied by which consecutive keys are spread over all slots.
_GOLDEN = -7046029254386353131


@njit
def exchange_partners(first, owner, ends, mates, group, group_first, labels, apart, tries, rng):
    """Let bad links exchange partners until none is bad or its tries are spent, in place.

    Stubs ``first[node] ... first[node + 1]`` belong to a node, of stub ``s`` that is ``owner[s]``;
    ``ends[s]`` is the node at its other end and ``mates[s]`` the stub there. Stubs of a group are
    consecutive, those of group ``g`` begin at ``group_first[g]``. Bad are loops, repeated links
    and, where ``apart``, links of nodes of one label. ``ends`` is -1 where a link is given up.

    A try takes the same time for nodes of any degree: good links are in a hash table, and most
    tries end before it is asked, at the marks of the neighbours of the node at hand.
    """
    n_stubs, n_nodes = len(ends), len(group)
    # Every bad link leaves two more keys at most: a fourth of the slots stays free.
    n_slots = 1
    while n_slots < 2 * n_stubs:
        n_slots *= 2
    slots = np.full(n_slots, _FREE, np.int64)
    bad = np.zeros(n_stubs, np.bool_)
    for s in range(n_stubs):
        if s < mates[s]:
            node, j = owner[s], ends[s]
            if _is_good(slots, node, j, n_nodes, labels, apart):
                _add(slots, _key(node, j, n_nodes))
            else:
                bad[s] = bad[mates[s]] = True
    marks = np.full(n_nodes, -1)
    marked = -1
    for s in range(n_stubs):
        if not bad[s] or ends[s] < 0:
            continue
        node, j, t = owner[s], ends[s], mates[s]
        # What it repeated may have gone.
        if _is_good(slots, node, j, n_nodes, labels, apart):
            _add(slots, _key(node, j, n_nodes))
            bad[s] = bad[t] = False
            marks[j] = node
            continue
        if marked != node:
            marked = marks[node] = node
            for r in range(first[node], first[node + 1]):
                if ends[r] >= 0 and not bad[r]:
                    marks[ends[r]] = node
        low, count = group_first[group[node]], group_first[group[node] + 1]
        count -= low
        done = False
        for _ in range(tries):
            u = low + int(rng.random() * count)
            b = ends[u]
            if b < 0 or marks[b] == node or (apart and labels[b] == labels[node]):
                continue
            v, a = mates[u], owner[u]
            # node - j and a - b become node - b and a - j: two links, and good ones.
            if node == j and a == b:
                continue
            if not _is_good(slots, a, j, n_nodes, labels, apart):
                continue
            if not bad[u]:
                slots[_find(slots, _key(a, b, n_nodes))] = _FREED
            _add(slots, _key(node, b, n_nodes))
            _add(slots, _key(a, j, n_nodes))
            ends[s], mates[s], ends[v], mates[v] = b, v, node, s
            ends[u], mates[u], ends[t], mates[t] = j, t, a, u
            bad[s] = bad[t] = bad[u] = bad[v] = False
            marks[b] = node
            if node == j:
                marks[a] = node
            done = True
            break
        if not done:
            ends[s] = ends[t] = -1


@njit
def _is_good(slots, i, j, n_nodes, labels, apart):
    """Whether a link of i and j would be no loop, none there is, and one that may be."""
    if i == j or (apart and labels[i] == labels[j]):
        return False
    return _find(slots, _key(i, j, n_nodes)) < 0


@njit
def _key(i, j, n_nodes):
    return min(i, j) * n_nodes + max(i, j)


@njit
def _first_slot(slots, key):
    return ((key * _GOLDEN) >> 24) & (len(slots) - 1)


@njit
def _find(slots, key):
    """The slot of a key, or -1."""
    p = _first_slot(slots, key)
    while slots[p] != _FREE:
        if slots[p] == key:
            return p
        p = (p + 1) & (len(slots) - 1)
    return -1


@njit
def _add(slots, key):
    """Put a key that is not there into the first slot that is free or freed."""
    p = _first_slot(slots, key)
    while slots[p] >= 0:
        p = (p + 1) & (len(slots) - 1)
    slots[p] = key
