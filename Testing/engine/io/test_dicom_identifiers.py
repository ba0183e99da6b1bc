"""What a DICOM object takes over: the identifiers it is filed by. Every tag we write is listed, with its reason."""

import re

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from engine import dicom_out_cases as cases
from engine.dicom_cases import Series
from seghirescam.io.dicom_out.identifiers import DEIDENTIFIED, TAKEN_OVER
from seghirescam.io.dicom_out.parametric_map import write_map
from seghirescam.io.dicom_out.segments import asked_about, painted_over, regions_of_evidence, write_regions
from seghirescam.io.dicom_out.source import SourceSeries

#: why -> the tags written for it, at any depth
WHY = {
    "the patient and the study it belongs to, by which archives file it": """PatientName PatientID IssuerOfPatientID
        PatientBirthDate PatientSex StudyInstanceUID StudyDate StudyTime StudyID AccessionNumber""",
    "must be there, and is always empty": """ReferringPhysicianName PositionReferenceIndicator
        AcquisitionContextSequence ContentCreatorName""",
    "how its text is spelled": "SpecificCharacterSet",
    "what was de-identified says so still": """PatientIdentityRemoved DeidentificationMethod
        DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified""",
    "the object itself: what it is, when it was made, its series": """SOPClassUID SOPInstanceUID InstanceCreationDate
        InstanceCreationTime ContentDate ContentTime Modality SeriesInstanceUID SeriesNumber InstanceNumber
        SeriesDescription ImageType FrameType ParametricMapFrameTypeSequence ContentLabel ContentDescription
        ContentQualification BurnedInAnnotation RecognizableVisualFeatures LossyImageCompression SegmentationType
        SegmentsOverlap""",
    "our software": "Manufacturer ManufacturerModelName DeviceSerialNumber SoftwareVersions",
    "the network that was explained, and the library that wrote": """ContributingEquipmentSequence
        ContributionDescription ContributionDateTime PurposeOfReferenceCodeSequence""",
    "the method and the question": """DerivationAlgorithmSequence AlgorithmName AlgorithmSource AlgorithmVersion
        AlgorithmParameters AlgorithmFamilyCodeSequence DerivationDescription DerivationCodeSequence""",
    "the source's slices": """ReferencedSeriesSequence ReferencedInstanceSequence ReferencedSOPClassUID
        ReferencedSOPInstanceUID ReferencedFrameNumber SourceImageSequence DerivationImageSequence
        SpatialLocationsPreserved""",
    "where it lies": """FrameOfReferenceUID SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
        PlaneOrientationSequence ImageOrientationPatient PlanePositionSequence ImagePositionPatient
        PixelMeasuresSequence PixelSpacing SliceThickness SpacingBetweenSlices Rows Columns NumberOfFrames
        DimensionOrganizationSequence DimensionOrganizationUID DimensionOrganizationType DimensionIndexSequence
        DimensionIndexPointer FunctionalGroupPointer DimensionDescriptionLabel FrameContentSequence
        DimensionIndexValues""",
    "dcmqi crashes without it": "FrameAnatomySequence AnatomicRegionSequence FrameLaterality",
    "the voxels, their quantity, unit and window": """FloatPixelData PixelData SamplesPerPixel PhotometricInterpretation
        BitsAllocated BitsStored HighBit PixelRepresentation PixelPresentation PresentationLUTShape FrameVOILUTSequence
        WindowCenter WindowWidth VOILUTFunction PixelValueTransformationSequence RescaleIntercept RescaleSlope
        RescaleType RealWorldValueMappingSequence LUTExplanation LUTLabel MeasurementUnitsCodeSequence
        DoubleFloatRealWorldValueFirstValueMapped DoubleFloatRealWorldValueLastValueMapped RealWorldValueIntercept
        RealWorldValueSlope QuantityDefinitionSequence ValueType ConceptNameCodeSequence ConceptCodeSequence""",
    "the segments": """SegmentSequence SegmentNumber SegmentLabel SegmentAlgorithmType SegmentAlgorithmName
        SegmentationAlgorithmIdentificationSequence SegmentedPropertyCategoryCodeSequence
        SegmentedPropertyTypeCodeSequence RecommendedDisplayCIELabValue SegmentIdentificationSequence
        ReferencedSegmentNumber""",
    "codes": "CodeValue CodingSchemeDesignator CodeMeaning",
}
WRITTEN = {tag for tags in WHY.values() for tag in tags.split()}
#: what belongs to the patient or the study, with a planted value each
OWN = {
    "PatientName": "Zebra^Quagga", "PatientID": "Z-4711", "IssuerOfPatientID": "Issuing Zoo",
    "PatientBirthDate": "19610213", "StudyDate": "20260704", "StudyTime": "101112", "StudyID": "Study77",
    "AccessionNumber": "Acc-0815",
}  # fmt: skip
SECRET = "Okapi"


def short():
    return Series(shape=(3, 16, 18), start=cases.START)


def planted(series, change=None):
    """Slices with names in every text that their standard offers, in private tags and in sequences."""
    slices = series.slices()
    for one in slices:
        for word, value in OWN.items():
            setattr(one, word, value)
        for tag, entry in pydicom.datadict.DicomDictionary.items():
            vr, word = entry[0], entry[4]
            if (
                tag > 0x00080000
                and word
                and word not in one
                and vr in ("LO", "SH", "ST", "LT", "UT", "PN", "UC")
                and not entry[3]
            ):
                setattr(one, word, SECRET)
        one.BodyPartExamined, one.Modality = SECRET.upper(), "CT"
        block = one.private_block(0x0011, f"{SECRET} scanners", create=True)
        block.add_new(0x01, "LO", SECRET)
        one.private_block(0x0029, f"{SECRET} again", create=True).add_new(0x10, "OB", SECRET.encode())
        other = Dataset()
        other.PatientID, other.PatientName = f"{SECRET}1", SECRET
        one.OtherPatientIDsSequence, one.RequestAttributesSequence = [other], [other]
        person = Dataset()
        person.PersonName, person.InstitutionName = SECRET, SECRET
        one.ReferringPhysicianIdentificationSequence = [person]
        one.SpecificCharacterSet, one.StudyDescription, one.PatientComments = "ISO_IR 100", SECRET, SECRET
        one.DeidentificationMethod = SECRET
        if change:
            change(one)
    return slices


def objects(folder, slices, **more):
    """(map on the layer's grid, map on the image's, regions), written."""
    source = SourceSeries.read(cases.save(folder / "series", slices))
    grid, about = source.grid, cases.facts(pixel_set=f"segment '{SECRET}'", **more)
    cells = cases.layer_grid(grid)
    write_map(folder / "layer.dcm", cases.random_map(cells.shape), cells, about, source)
    density = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    write_map(folder / "image.dcm", density, grid, about, source, per="ml")
    mask = density > 0.5
    regions = [asked_about(mask, about), *regions_of_evidence(density, about), painted_over(mask, True)]
    write_regions(folder / "regions.dcm", regions, grid, about, source)
    return [folder / name for name in ("layer.dcm", "image.dcm", "regions.dcm")]


def test_every_tag_is_listed_and_nothing_planted_is_found(tmp_path):
    for path in objects(tmp_path, planted(short())):
        data = pydicom.dcmread(path)
        tags = list(data.iterall())
        assert {one.keyword for one in tags} <= WRITTEN, {one.keyword for one in tags} - WRITTEN
        assert not any(one.tag.is_private for one in tags)
        assert re.search(SECRET.encode(), path.read_bytes(), re.IGNORECASE) is None
        for word, value in OWN.items():
            # an identifier stands in its own place, and nowhere else
            assert str(data[word].value) == value
            assert [one.keyword for one in tags if str(one.value) == value] == [word]
        assert data.PatientSex == "O" and data.ReferringPhysicianName == ""


def test_the_list_has_no_tag_that_is_never_written(tmp_path):
    found = set()

    def removed(one):
        one.PatientIdentityRemoved, one.LongitudinalTemporalInformationModified = "YES", "MODIFIED"

    for change in (None, removed):
        paths = objects(tmp_path / str(bool(change)), planted(short(), change))
        found |= {one.keyword for path in paths for one in pydicom.dcmread(path).iterall()}
    cut = tmp_path / "codes"
    paths = objects(cut, planted(short(), with_codes))
    found |= {one.keyword for path in paths for one in pydicom.dcmread(path).iterall()}
    (tmp_path / "many").mkdir()
    cases.enhanced(short()).save_as(tmp_path / "many" / "x.dcm", enforce_file_format=True)
    source = SourceSeries.read(tmp_path / "many")
    write_map(tmp_path / "m.dcm", np.ones(source.grid.shape, np.float32), source.grid, cases.facts(), source)
    found |= {one.keyword for one in pydicom.dcmread(tmp_path / "m.dcm").iterall()}
    assert WRITTEN - found == {"ContentCreatorName"} - found
    assert set(TAKEN_OVER) <= WRITTEN


def with_codes(one):
    known, own = Dataset(), Dataset()
    known.CodeValue, known.CodingSchemeDesignator, known.CodeMeaning = "113100", "DCM", SECRET
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "1", f"99{SECRET}", SECRET
    one.PatientIdentityRemoved, one.DeidentificationMethodCodeSequence = "YES", [known, own]


@pytest.mark.parametrize("coded", [False, True])
def test_what_was_de_identified_says_so_still_in_nobodys_own_words(tmp_path, coded):
    def change(one):
        one.PatientName, one.PatientID, one.PatientIdentityRemoved = "Subject 7", "S7", "YES"
        if coded:
            with_codes(one)

    for path in objects(tmp_path, planted(short(), change)):
        data = pydicom.dcmread(path)
        assert data.PatientIdentityRemoved == "YES" and data.PatientID == "S7"
        if coded:
            (code,) = data.DeidentificationMethodCodeSequence
            assert code.CodeMeaning == "Basic Application Confidentiality Profile"
            assert "DeidentificationMethod" not in data
        else:
            assert data.DeidentificationMethod == DEIDENTIFIED
        assert SECRET.encode() not in path.read_bytes() and cases.errors_of_dciodvfy(path) == []


def test_a_source_without_the_optional_identifiers_gives_empty_ones(tmp_path):
    slices = short().slices()
    for one in slices:
        for word in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber"):
            del one[word]
    for path in objects(tmp_path, slices):
        data = pydicom.dcmread(path)
        assert data.PatientID == "" and data.StudyID == "" and cases.errors_of_dciodvfy(path) == []


def test_odd_dates_are_left_empty_and_repeated_nowhere(tmp_path, caplog, capfd, recwarn):
    slices = short().slices()
    for one in slices:
        one.PatientName, one.PatientBirthDate = f"{SECRET} without a caret", SECRET
        one.StudyTime, one.PatientSex = "9" * 20, "UNKNOWN"
    folder = cases.save(tmp_path / "series", slices)
    caplog.clear()
    recwarn.clear()
    source = SourceSeries.read(folder)
    write_map(tmp_path / "m.dcm", np.ones(source.grid.shape, np.float32), source.grid, cases.facts(), source)
    said = caplog.text + "".join(capfd.readouterr()) + "".join(str(one.message) for one in recwarn)
    assert SECRET not in said and "9" * 20 not in said
    data = pydicom.dcmread(tmp_path / "m.dcm")
    assert (data.PatientBirthDate, data.StudyTime, data.PatientSex) == ("", "", "")
    assert str(data.PatientName) == f"{SECRET} without a caret" and cases.errors_of_dciodvfy(tmp_path / "m.dcm") == []
