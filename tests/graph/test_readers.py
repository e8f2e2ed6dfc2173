"""Graphs from files."""

import contextlib
import gzip
import re
import sys
from functools import partial

import networkx
import numpy as np
import pandas as pd
import pytest
import scipy

from kernlab.exceptions import AmbiguousGraphWarning, MissingExtraError, SelfLoopWarning
from kernlab.graph import read_graph
from kernlab.graph._adjacency import as_adjacency

PATH = np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "source,target,weight\na,b,2\nb,c,1\n"),
        ("a.csv", 'x,y,weight\r\n"a",b,2\r\n\r\nb, c ,1\r\n'),
        ("a.csv", "a,b,2\nb,a,2\nb,c,1\n"),
        ("a.csv", "\ufeffa,b,2\nb,c\n"),
        ("a.tsv", "from\tto\tw\na\tb\t2.0\nb\tc\t1e0\n"),
        ("a.txt", "# a comment\n% another\na b 2\nb   c\t1\n"),
        ("a.EDGES", "a b 2\nb c"),
        ("a.csv", "alpha,beta,strength\na,b,2\nb,c,1\n"),
        ("a.tsv", "alpha\tbeta\tstrength\r\na\tb\t2\r\nb\tc\r\n"),
        ("a.csv", ",source,target,weight\n0,a,b,2\n1,b,c,1\n"),
        ("a.csv", "Source;Target;Weight\na;b;2\nb;c;1\n"),
        ("a.csv", "Source,Target,Type,Id,Label,Weight\na,b,Undirected,0,,2\nb,c,Undirected,1,,1\n"),
        ("a.csv", "weight,x,y\n2,a,b\n1,b,c\n"),
        ("a.ncol", "a b 2\nb c\n"),
        ("a.txt", "Node_1 Node_2 Id w\na b 7 2\nb c 9 1\n"),
    ],
)
def test_edges(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    graph = read_graph(tmp_path / name)
    assert graph.nodes.tolist() == ["a", "b", "c"]
    assert graph.attributes == {}
    assert graph.adjacency.format == "csr"
    np.testing.assert_array_equal(graph.adjacency.toarray(), PATH)


def test_integers_are_in_order(tmp_path):
    path = tmp_path / "edges.data"
    path.write_text("30 4 2\n4 100 1\n")
    graph = read_graph(str(path), format="edges")
    assert graph.nodes.tolist() == [4, 30, 100]
    np.testing.assert_array_equal(graph.adjacency.toarray(), [[0, 2, 1], [2, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("node_1,node_2\n1,2\n2,3\n", [1, 2, 3]),
        ("node_1,node_2\n1,2,5\n", [1, 2]),
        ("node_1,2\n2,3\n", ["node_1", "2", "3"]),
        ("node1,node2\na,b\n", ["a", "b"]),
        (",source,target\n0,a,b\n", ["a", "b"]),
        ("from,to,strength\nhow,to,2\n", ["how", "to"]),
        ("u,v,2\nv,w,3\n", ["u", "v", "w"]),
        ("ann,bob\nbob,cid\n", ["ann", "bob", "cid"]),
        ("ann,bob,2\ncid,dan,1\n", ["ann", "bob", "cid", "dan"]),
        ("a,b\n1,c\n", ["a", "b", "1", "c"]),
        ("a,b,2\n1,2\n", ["a", "b", "1", "2"]),
        ("a,b\n", ["a", "b"]),
        ("007,7\n7,8\n", ["007", "7", "8"]),
        ("1_0,10\n10,3\n", ["1_0", "10", "3"]),
        ("-2,7\n", [-2, 7]),
        ("99999999999999999999,7\n", ["99999999999999999999", "7"]),
        ('"#a, b",c\n', ["#a, b", "c"]),
    ],
)
def test_headers_and_names(tmp_path, text, nodes):
    path = tmp_path / "a.csv"
    path.write_text(text)
    graph = read_graph(path)
    assert graph.nodes.tolist() == nodes
    assert graph.adjacency.shape[0] == len(nodes)


@pytest.mark.parametrize(
    ("text", "edge", "reason"),
    [
        ("user,follows\np1,p2\np2,p3\n", ["user", "follows"], "not those of a header"),
        ("first name,second-name\np1,p2\n", ["first name", "second-name"], "not those"),
        ("u,v\nv,w\n", ["u", "v"], "names come again as nodes"),
        ("source,target\nsource,x\n", ["source", "target"], "names come again as nodes"),
    ],
)
def test_a_first_line_in_doubt(tmp_path, text, edge, reason):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.warns(AmbiguousGraphWarning, match=f"{reason}.*pass header=True"):
        guessed = read_graph(path)
    below = {name for line in text.splitlines()[1:] for name in line.split(",")}
    assert set(read_graph(path, header=True).nodes) == below
    for graph in (guessed, read_graph(path, header=False)):
        assert graph.nodes[:2].tolist() == edge
        assert graph.adjacency[0, 1] == 1


@pytest.mark.parametrize(
    ("text", "header", "nodes"),
    [
        ("a,b,1\nc,d,2\n", True, ["c", "d"]),
        ("1,2\n3,4\n", True, [3, 4]),
        ("source,target\na,b\n", False, ["source", "target", "a", "b"]),
        ("x,y\n1,2\n", False, ["x", "y", "1", "2"]),
    ],
)
def test_a_header_by_order(tmp_path, text, header, nodes):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert read_graph(path, header=header).nodes.tolist() == nodes


def test_the_column_of_weights(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("source,target,year,strength\na,b,1990,2\nb,c,1990,1\nb,a,1990,2\n")
    with pytest.warns(AmbiguousGraphWarning, match="pass weight='strength'"):
        assert read_graph(path).adjacency.max() == 1
    np.testing.assert_array_equal(read_graph(path, weight="strength").adjacency.toarray(), PATH)
    with pytest.raises(ValueError, match="name one of source, target, year, strength"):
        read_graph(path, weight="papers")
    with pytest.raises(ValueError, match="no header"):
        read_graph(path, weight="papers", header=False)
    path.write_text("a,b,2\n")
    for header in ("infer", False):
        with pytest.raises(ValueError, match="weight='papers' names a column, and .* no header"):
            read_graph(path, weight="papers", header=header)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.gml.GZ"])
def test_compressed_files(tmp_path, name):
    club = networkx.karate_club_graph()
    plain = tmp_path / "plain"
    if "csv" in name:
        networkx.write_weighted_edgelist(club, plain, delimiter=",")
    else:
        networkx.write_gml(club, plain)
    with gzip.open(tmp_path / name, "wb") as file:
        file.write(plain.read_bytes())
    graph = read_graph(tmp_path / name)
    np.testing.assert_array_equal(graph.adjacency.toarray(), networkx.to_numpy_array(club))
    for content in ((tmp_path / name).read_bytes()[:-30], b"a,b\n"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="no whole file of gzip"):
            read_graph(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.edgelist", networkx.write_edgelist),
        ("a.csv", partial(networkx.write_edgelist, delimiter=",")),
        ("a.graphml", networkx.write_graphml),
        ("a.gexf", networkx.write_gexf),
        ("a.mtx", lambda graph, path: scipy.io.mmwrite(path, as_adjacency(graph))),
    ],
)
def test_files_that_others_read(tmp_path, name, write):
    club = networkx.karate_club_graph()
    write(club, tmp_path / name)
    with pytest.raises(ValueError, match=re.escape(name)) as raised:
        read_graph(tmp_path / name)
    code = re.search(r"pass ([\w.]+\(.*?\))[.,]", str(raised.value)).group(1)
    found = as_adjacency(eval(code, {"networkx": networkx, "scipy": scipy}))
    assert found.sum() == as_adjacency(club).sum()


def test_a_table_in_a_file(tmp_path):
    path = tmp_path / "a.csv"
    table = pd.DataFrame(PATH, index=list("abc"), columns=list("abc"))
    table.to_csv(path)
    with pytest.raises(ValueError, match="table of all pairs pass") as raised:
        read_graph(path)
    found = eval(re.search(r"all pairs pass (.*)[.]$", str(raised.value)).group(1), {"pandas": pd})
    pd.testing.assert_frame_equal(found, table)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user,follows,since,kind\na,b,late,x\nb,c,early,x\n", "'user', 'follows'"),
        (",user,follows\n0,a,b\n1,b,c\n", "'user', 'follows'"),
        ("a,b,1,1990\nb,c,2,1990\n", "header=None), 0, 1"),
        ("user;follows;since;kind\na;b;late;x\nb;c;early;x\n", "'user', 'follows'"),
    ],
)
def test_columns_without_names(tmp_path, text, shown):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="nor taken for a header with columns") as raised:
        read_graph(path)
    code = re.search(r"pass (networkx.*), with edge_attr", str(raised.value)).group(1)
    assert shown in code
    found = eval(code, {"networkx": networkx, "pandas": pd})
    assert sorted(map(sorted, found.edges)) == [["a", "b"], ["b", "c"]]


def test_quotes_are_letters_between_tabs(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('"a\tb\nb\tc"\n')
    assert read_graph(path).nodes.tolist() == ['"a', "b", 'c"']


def test_loops_are_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,a,3\na,b,1\n")
    with pytest.warns(SelfLoopWarning, match="1 node"):
        graph = read_graph(path)
    np.testing.assert_array_equal(graph.adjacency.toarray(), [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\nc\n", r"a\.csv, line 2: \['c'\] is no edge"),
        ("a,b\n\nc,d,1,2\n", r"line 3: .* is no edge"),
        ("a,\n", "line 1"),
        ("a b\n", "line 1: .* pass format='csv' .* 'edges' for white space"),
        ("source,target,kind,w\na,b,1\n", r"line 2: .* 3 fields, and the header has 4"),
        ('a,b\n"b,c\nc,d\n', r"a\.csv, line 2: unexpected end of data"),
        ('a,b\n"b"x,c\n', r"a\.csv, line 2: .*expected after"),
        ("a,b\n" + "b" * 140_000 + ",c\n", r"a\.csv, line 2: field larger than field limit"),
        ("a,b,heavy\nb,c,1\n", "line 1: the weight 'heavy' is no number"),
        ("a,b,heavy\na,b,1\n", "line 1: the weight 'heavy' is no number"),
        ("a,b,1_0\nb,c,1\n", "line 1: the weight '1_0' is no number"),
        ("a,b,\n", "line 1: the weight '' is no number"),
        ("a,b,1\nb,c,heavy\n", "line 2: the weight 'heavy' is no number"),
        ("a,b,nan\n", "line 1: the weight nan"),
        ("a,b,-1\n", "line 1: the weight -1"),
        ("a,b,inf\n", "line 1"),
        ("source,target\n", "lists no edges"),
        ("a,b,1\nb,a,2\n", "edge of a and b with weights 1.0 and 2.0"),
    ],
)
def test_bad_edges(tmp_path, text, match):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=match):
        read_graph(path)


def test_bad_files(tmp_path):
    with pytest.raises(ValueError, match="format='csv'"):
        read_graph(tmp_path / "a.json")
    with pytest.raises(ValueError, match="format='json'"):
        read_graph(tmp_path / "a.json", format="json")
    with pytest.raises(FileNotFoundError):
        read_graph(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="header='yes' must be"):
        read_graph(tmp_path / "a.csv", header="yes")
    with pytest.raises(ValueError, match="header=True is of use with lists of edges only"):
        read_graph(tmp_path / "a.gml", header=True)
    (tmp_path / "latin.csv").write_bytes("a,é\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv is not UTF-8"):
        read_graph(tmp_path / "latin.csv")
    (tmp_path / "a.gml").write_text("graph [ node [ id ] ]")
    with pytest.raises(ValueError, match=r"a\.gml is no GML file"):
        read_graph(tmp_path / "a.gml")
    (tmp_path / "b.gml").write_text(
        "graph [ directed 1 node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 ] ]"
    )
    with pytest.raises(ValueError, match=r"b\.gml: .*directed"):
        read_graph(tmp_path / "b.gml")


def test_gml(tmp_path):
    club = networkx.karate_club_graph()
    networkx.write_gml(club, tmp_path / "karate.gml")
    graph = read_graph(tmp_path / "karate.gml")
    np.testing.assert_array_equal(graph.adjacency.toarray(), networkx.to_numpy_array(club))
    assert graph.attributes["club"].tolist() == [club.nodes[i]["club"] for i in club]
    assert graph.nodes.tolist() == [str(i) for i in club]


@pytest.mark.parametrize(
    ("first", "second", "weight", "expected"),
    [
        ("value 3", "value 2.5", None, [3, 2.5]),
        ("value 3", "", None, [1, 1]),
        ("value 3", 'value "x"', None, [1, 1]),
        ("value 3 weight 7", "value 2", None, [7, 1]),
        ("value 3 weight 7", "value 2", "value", [3, 2]),
        ("papers 3", "papers 4", None, [1, 1]),
        ("papers 3", "papers 4", "papers", [3, 4]),
        ("papers 3.5", "papers 4", None, [1, 1]),
        ("papers 3", "", "papers", r"a\.gml: of 2 edges 1 have no number as 'papers'"),
    ],
)
def test_weights_of_gml(tmp_path, first, second, weight, expected):
    path = tmp_path / "a.gml"
    path.write_text(
        'graph [ node [ id 0 ] node [ id 1 kind NAN ] node [ id 2 kind "a" ] '
        f"edge [ source 0 target 1 {first} ] edge [ source 1 target 2 {second} ] ]"
    )
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            read_graph(path, weight=weight)
        return
    with contextlib.ExitStack() as stack:
        if "3.5" in first:
            stack.enter_context(pytest.warns(AmbiguousGraphWarning, match="weight='papers'"))
        graph = read_graph(path, weight=weight)
    assert graph.adjacency.toarray()[1, [0, 2]].tolist() == expected
    kinds = graph.attributes["kind"]
    assert kinds[0] is None
    assert kinds[1] != kinds[1]
    assert kinds[2] == "a"


def test_nodes_of_one_label_stay_apart(tmp_path):
    path = tmp_path / "a.gml"
    path.write_text(
        'graph [ node [ id 7 label "a" ] node [ id 3 label "a" ] edge [ source 7 target 3 ] ]'
    )
    graph = read_graph(path)
    assert graph.nodes.tolist() == ["a", "a"]
    np.testing.assert_array_equal(graph.adjacency.toarray(), [[0, 1], [1, 0]])


def test_networkx_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingExtraError, match=r"kernlab\[networks\]"):
        read_graph(tmp_path / "a.gml")


@pytest.mark.parametrize("first", ["1,2,x", "a,b,NA", "a,b,0x10", "a,b,?"])
def test_a_first_edge_without_a_number_is_no_header(tmp_path, first):
    path = tmp_path / "edges.csv"
    path.write_text(f"{first}\nc,d,1\n")
    with pytest.raises(ValueError, match="line 1.*is no number"):
        read_graph(path)
