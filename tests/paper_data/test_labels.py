from instrec_utils.config import LABELS
from instrec_utils.paper_data import labels

# The FCVID list as its rows say it, one row a class (ids and folders are facts of the published file).
ROWS = """\
./accordionPerformance/a,0
./trumpetPerformance/a,1
./flutePerformance/a,2
./chamberMusic/a,3
./symphonyOrchestraPerformance/a,4
./guitarPerformance/a,5
./violinPerformance/a,6
./saxophonePerformance/a,7
./harmonicaPerformance/a,8
./rockBandPerformance/a,9
./celloPerformance/a,10
./pianoPerformance/a,11
""".splitlines()


def folder_of_id():
    return {int(row.split(",")[1]): row.split("/")[1] for row in ROWS}


def test_the_map_is_that_of_the_folders():
    assert dict(enumerate(labels.FCVID_FOLDERS)) == folder_of_id()


def test_the_authors_alphabetical_names_fit_one_id_of_twelve():
    alphabetical = dict(enumerate(sorted(folder_of_id().values())))
    agree = [label_id for label_id, folder in folder_of_id().items() if alphabetical[label_id] == folder]
    assert agree == [0]
    assert alphabetical[1] == "celloPerformance"  # whose videos are trumpets
    assert labels.FCVID_FOLDERS[1] == "trumpetPerformance"


def test_every_folder_has_one_label():
    assert set(labels.FCVID_LABEL_OF_FOLDER) == set(labels.FCVID_FOLDERS)
    assert len(set(labels.FCVID_LABEL_OF_FOLDER.values())) == 12
    shared = set(labels.FCVID_LABEL_OF_FOLDER.values()) & set(LABELS)
    assert set(labels.FCVID_LABEL_OF_FOLDER.values()) - shared == {"chamber_music", "rock_band", "symphony_orchestra"}
    for folder, label in labels.FCVID_LABEL_OF_FOLDER.items():
        if label in shared:
            assert folder == f"{label}Performance"


def test_youtube8m_has_the_thirteen_categories():
    assert sorted(labels.YOUTUBE8M_LABELS) == list(LABELS)
