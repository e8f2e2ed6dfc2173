"""Graphs from files."""

import sys

import networkx
import numpy as np
import pytest

from kernlab.exceptions import MissingExtraError, SelfLoopWarning
from kernlab.graph import read_graph

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
    (tmp_path / "latin.csv").write_bytes("a,é\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv is not UTF-8"):
        read_graph(tmp_path / "latin.csv")
    with pytest.raises(ValueError, match="weight='value' is of use with GML only"):
        read_graph(tmp_path / "latin.csv", weight="value")
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
