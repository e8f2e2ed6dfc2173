"""Pairs of stubs made a simple graph by exchanges of partners, compiled."""

from kernlab._core.jit import njit


@njit
def exchange_partners(ends, mates, first, group, group_first, labels, apart, tries, rng):
    """Let bad links exchange partners until none is bad or its tries are spent, in place.

    Stub ``s`` belongs to a node, whose stubs are ``first[node] ... first[node + 1]``; ``ends[s]``
    is the node at its other end and ``mates[s]`` the stub there. Stubs of a group are consecutive,
    those of group ``g`` begin at ``group_first[g]``. Bad are loops, repeated links and, where
    ``apart``, links of nodes of one label. ``ends`` is -1 where a link is given up.
    """
    for node in range(len(first) - 1):
        g = group[node]
        low, count = group_first[g], group_first[g + 1] - group_first[g]
        for s in range(first[node], first[node + 1]):
            j = ends[s]
            if j < 0:
                continue
            bad = j == node or (apart and labels[j] == labels[node])
            # Of a repeated link the earlier stub is the good one.
            for r in range(first[node], s):
                bad |= ends[r] == j
            if not bad:
                continue
            t = mates[s]
            done = False
            for _ in range(tries):
                u = low + int(rng.random() * count)
                if ends[u] < 0 or u in (s, t):
                    continue
                v = mates[u]
                a, b = ends[v], ends[u]
                # node - j and a - b become node - b and a - j.
                if node == b or a == j:
                    continue
                if apart and (labels[node] == labels[b] or labels[a] == labels[j]):
                    continue
                clash = node == a and b == j
                for r in range(first[node], first[node + 1]):
                    clash |= ends[r] == b
                for r in range(first[a], first[a + 1]):
                    clash |= ends[r] == j
                if clash:
                    continue
                ends[s], mates[s], ends[v], mates[v] = b, v, node, s
                ends[u], mates[u], ends[t], mates[t] = j, t, a, u
                done = True
                break
            if not done:
                ends[s] = ends[t] = -1
