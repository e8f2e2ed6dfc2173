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
