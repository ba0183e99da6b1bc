<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en-US">
<context>
    <name>SegHiResGradCAM</name>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source> %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>50</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>80</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>95</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>A model on this computer, a file or a folder: nnU-Net, TotalSegmentator, MONAI bundle, .pt2, TorchScript or *.model.toml (also *.model.json); for bare weights a description can be written. Type it, drop it here, or browse. Nothing of it is run when you pick it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>A preview leaves out the mirroring (test-time augmentation) and all folds but the first of a model that averages them: several times faster, and an approximation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>A second model, to see where it disagrees with the first. A file is in this list once it was chosen as the model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>A table beside the map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Activation:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>All segments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Also evidence against</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Apply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Arguments:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Asks about every segment of the segmentation in one forward pass of the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Asks the same question of every method that takes few passes, at every main layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Axes:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Behind each new map a few numbers are computed: whether it adds up to the score, whether gradients cancel, whether its context and its class matter. Never delays a map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Both signs: red speaks for the class, blue against it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Browse for the folder of a model, such as nnU-Net&apos;s or a MONAI bundle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Channels:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Check every map (up to 3 more passes)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Class:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Classes:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Closes the form; nothing is written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Colour table of the evidence for the class. Both signs have a table of their own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Compare methods...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Compare models...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Compute:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Divisor:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Ends the check of this map; the map stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Evidence by segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Evidence:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Export to DICOM...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Export...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Finds out by names and shapes what the weights are for, and asks what they do not tell.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAM.py"/>
        <source>Folder for the map and its facts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Folder...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>From disk:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Full check...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Function:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Head:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>How</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>How activations and gradients make the map. Seg-HiRes-Grad CAM does not average the gradients: averaging lights up regions the network did not use.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>How the network&apos;s outputs become classes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>I have checked what is marked * (assumed)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Images are padded to multiples of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>In 3D</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>In the slice views</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Install...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Is it true?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Is the model fed as it is meant to be? Compares its predictions with the segment, one thing changed at a time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Layer:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Legend</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Loads a brain with an artificial lesion and picks a network that has learnt a shortcut. Nothing is downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Method, class, layer and unit beside the map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Method:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAM.py"/>
        <source>Method: T. Rheude, A. Wirtz, A. Kuijper, S. Wesarg, Leveraging CAM Algorithms for Explaining Medical Semantic Segmentation, MELBA 2024:023.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Model:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Moves the slice views to the voxel with the strongest evidence.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Names of the input&apos;s channels in their order, with commas between them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Names of the output&apos;s channels in their order, with commas between them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Numbers as table</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Off gives the former foreground back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Off shows the cells as they are: a 12 mm cell is no 1 mm finding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>On which voxels the map is stored: quarters of the layer&apos;s cells (or the volume&apos;s voxels, where they are coarser), the volume&apos;s voxels, or the cells as computed. What lies between a map&apos;s quarters is a straight line: finer voxels take memory and time and say no more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Opacity of the overlay in the slice views.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Opacity:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Open DICOM maps...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Over which voxels the network&apos;s score is summed and explained: the segment whatever the network says there, where the network chooses the class, or what both agree on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Paint over and ask again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Pixels:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Predict with the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Python file:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Removes this result and everything that came with it from the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Replaces that part of the image by its surroundings and asks the network again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Result:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Rival:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Runs the model&apos;s own inference and adds its classes as segments.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Says what it takes, and asks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Score:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Second&apos;s:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>See</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAM.py"/>
        <source>Seg-HiRes-Grad CAM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Segmentation:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Show curves</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Show where it is strongest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Shows parametric maps of ours in a folder that explain this volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Shows the curves of the full check; changes the layout.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Shows what would be installed and asks before it does anything.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Smooth between cells</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The Python file that builds the network, where you have one. It is read, not run; before it runs you are asked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The class that the contrast is taken against.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The coloured region is the smallest one that holds this share of the evidence.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The function or class of the Python file that builds the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The image that the network looks at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The layer whose map is shown. The layers behind the one asked for came in the same pass; finer encoder layers cost a short computation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The network that is asked: a demo network, or one picked before.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The order in which the network was fed a volume&apos;s axes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The results in this scene; the marked one is shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The segment to be explained: why did the network draw it?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The smallest region that holds 50 % of the evidence.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The smallest region that holds 80 % of the evidence.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The smallest region that holds 95 % of the evidence.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The volume for this input channel of the model. It is resampled to the first one&apos;s voxels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The weights do not tell what is marked *: check it here, else every result says that it was assumed. Point at a field to read how to check it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Try it on the demo case</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Volume rendering of the visible evidence. Show the segments in 3D too (module Segmentations) to see where it lies.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Volume:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What is painted over: the hottest part of the map, what is coloured now, a ROI of the scene (Markups), or another segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What is summed over the pixels and differentiated: the class&apos;s logit as in the paper, its log-odds against all others, or its logit minus a rival&apos;s (why a lesion and not a look-alike?).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What the network itself applies last.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What the network&apos;s class or function is called with, a line each.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What the second model calls the class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What was asked, of which model, and how much of the score the map explains.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Where do the two models disagree, and what did each look at?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Where in the network the reason is read. By default the deepest level with at least two cells across the segment, on the encoder side.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Where the network runs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Which class of the network the segment is. Matched to the segment&apos;s name; never guessed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAM.py"/>
        <source>Why did a network draw that segment? Choose volume, segment and model, press Apply. Not for diagnosis.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Why did the network draw that segment? Choose a volume, a segment and the model, or:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Write a description...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Write and open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Writes the description beside the weights and opens it as the model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Writes this map (.nrrd) and its facts (.json).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Writes this map as DICOM objects of the volume&apos;s study.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>allSegments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>bf16 takes half the memory and, where the processor computes in it, half the time; the map is approximate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>channel2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>channel3</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>channel4</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>channel5</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>channel6</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>grid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>passes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>pixelSet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>precision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>volume</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SetupCheck</name>
    <message>
        <location filename="Resources/UI/SetupCheck.ui"/>
        <source>Check my setup</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SetupCheck.ui"/>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SetupCheck.ui"/>
        <source>Copies this text. It holds no paths, and no names of users, computers or patients.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SetupCheck.ui"/>
        <source>Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SetupCheck.ui"/>
        <source>Puts the text away.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>nodes.Geometry</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/Geometry.py"/>
        <source>Harden the transform (Data module, right click), or remove it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/Geometry.py"/>
        <source>The {what} is under a non-linear transform.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>nodes.TrustFacts</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/TrustFacts.py"/>
        <source>no evidence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/TrustFacts.py"/>
        <source>not finite</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/TrustFacts.py"/>
        <source>not measured</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/TrustFacts.py"/>
        <source>not supported by the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/TrustFacts.py"/>
        <source>nothing to compare with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/nodes/TrustFacts.py"/>
        <source>too small</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>overlay.ColorTables</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/ColorTables.py"/>
        <source>{name}, shipped with SegHiResGradCAM</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>overlay.DisplaySettings</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/DisplaySettings.py"/>
        <source>The end of the colour scale must be above zero, got {maximum}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/DisplaySettings.py"/>
        <source>The opacity lies between 0 and 1, got {opacity}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/DisplaySettings.py"/>
        <source>The share of the evidence lies between 0 and 1, got {share}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/DisplaySettings.py"/>
        <source>There is no colour table &apos;{colorTable}&apos;; choose one of {names}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>overlay.Legend</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Legend.py"/>
        <source>no value is positive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Legend.py"/>
        <source>nothing to show:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Legend.py"/>
        <source>{unit}, {percent:.0f} % of both signs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Legend.py"/>
        <source>{unit}, {percent:.0f} % of evidence</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>overlay.Overlay</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Overlay.py"/>
        <source>Ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Overlay.py"/>
        <source>The volume has another size than when it was explained.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Overlay.py"/>
        <source>every value is zero</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Overlay.py"/>
        <source>no value is positive; try both signs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/Overlay.py"/>
        <source>the map holds values that are not finite</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>overlay.VolumeRendering</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/overlay/VolumeRendering.py"/>
        <source>{name} in 3D</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>qSlicerAbstractCoreModule</name>
    <message>
        <location filename="SegHiResGradCAM.py"/>
        <source>Segmentation</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.ComparisonTable</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>Of the pass that made the map; gradient methods share one pass for all their cells.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>Of the total; arbitrary: on no scale of the score.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>Share of the map&apos;s positive evidence inside the segment, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>Size of the layer&apos;s cells, along K, J and I.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>The layer whose cells the map lies on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>The method&apos;s name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>The share inside / chance.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>The share of evidence spread evenly over the {over} that would lie inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>The sum over all cells, in the unit.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>Total / score; empty where the unit is arbitrary.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>What was explained: the score, summed over the pixel set.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>Why there is no map, or nothing to see in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/ComparisonTable.py"/>
        <source>ok, or why there is no positive evidence; refused: the method cannot work there.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.DicomSource</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DicomSource.py"/>
        <source>Slicer&apos;s DICOM database is not open: open the DICOM module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DicomSource.py"/>
        <source>The volume is under a transform, and its series is not: take it out of the transform and press Apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DicomSource.py"/>
        <source>The volume that was explained is gone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DicomSource.py"/>
        <source>The volume was not loaded from DICOM, so that it belongs to no patient&apos;s study: load the series in the DICOM module and explain that.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.DisagreementTable</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Of the scores.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Of the set, on the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Of the set; of a single slice its thickness counts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Of the two predictions: 2 |A and B| / (|A| + |B|).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Score / the set&apos;s voxels on the model&apos;s grid; compare sets, not models.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Share of the map&apos;s positive evidence inside the set, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>The layer whose cells the map lies on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>The model&apos;s class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>The share inside / chance.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>The share of evidence spread evenly over the {over} that would lie inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>The sum of the map over all cells.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Voxels that only A takes for the class, only B, or both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>What was explained: the score, summed over the set.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Who was asked about the set.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>Why there is no map, or nothing to see in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/DisagreementTable.py"/>
        <source>ok, or why there is no positive evidence; refused: no answer; empty: nobody was asked.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.Export</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/Export.py"/>
        <source>There is no result to export: press Apply first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/Export.py"/>
        <source>This result has lost its voxels: press Apply again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/Export.py"/>
        <source>{name} is a folder; choose another file name.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.PaintingNode</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/PaintingNode.py"/>
        <source>Painted over</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/PaintingNode.py"/>
        <source>Painted over: {region}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/PaintingNode.py"/>
        <source>{name} after</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/PaintingNode.py"/>
        <source>{name} before</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.SegmentEvidence</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>1: as much as everywhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Evidence by segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>From the evidence to the segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Its share of the image, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Its volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Its voxels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>No segment of this segmentation has a voxel in the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Paint one, or choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Share / chance.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>Share of the map&apos;s positive evidence inside, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>The segment; elsewhere: what lies in none of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>The share of evidence spread evenly over the {over} that would lie inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/SegmentEvidence.py"/>
        <source>ok, or why there is no share.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.TrustTables</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Curves</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Deletion and insertion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Dice with before.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Empty (NaN) where the status is not ok.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>How much of the volume was changed, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Is it true</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Of the check: fast or full.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Of the value; empty for shares and other plain numbers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Over what chance was counted: the body, the volume, the layer&apos;s cells.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Score, 1: as it was, 0: everything changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>The value without any knowledge, where that has a meaning.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>Value / chance.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>What the full check asks for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>What the number says.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>What was measured.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>ok, or why there is no value.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>score (solid), Dice (dashed)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>yes or no; empty where nothing is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/TrustTables.py"/>
        <source>{read}; grey: random orders</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>segments.PixelSetReader</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>Choose a finer volume, or grow the segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>Choose the segmentation that holds the segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>Choose the volume it was drawn on, or check transforms.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>No segmentation was given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>Paint it first, or choose another segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>Press Apply again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>The segment &apos;{name}&apos; is empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>The segment &apos;{name}&apos; lies between the voxel centres of the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>The segment &apos;{name}&apos; lies outside the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>The segment was changed while it was read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>The segmentation has: {known}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PixelSetReader.py"/>
        <source>There is no segment with the id &apos;{segmentId}&apos;.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>segments.PredictionNode</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PredictionNode.py"/>
        <source>Ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/PredictionNode.py"/>
        <source>The volume has another size than when it was predicted.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>segments.SegmentLabelmap</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabelmap.py"/>
        <source>Create the representation in the Segmentations module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabelmap.py"/>
        <source>The segment &apos;{name}&apos; has no binary labelmap and could not be converted to one.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>segments.SegmentLabels</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>A segment was changed while all were read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>Move some of them into another segmentation, or use a coarser volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>None of the segments has a voxel in the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>Paint one, or check transforms.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>Press the button again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>The segment &apos;{name}&apos; has no voxel in the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>The segment &apos;{name}&apos; lies outside the volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentLabels.py"/>
        <source>The segments overlap so much that their label maps take more than {limit:.0f} GiB.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>segments.SegmentSize</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/segments/SegmentSize.py"/>
        <source>Coarse: a cell of this layer is {cell:.3g} mm, the segment only {edge:.3g} mm across. The map cannot tell places inside the segment apart.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>setup.Consent</name>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Consent.py"/>
        <source>{reason}

Such code can do everything that you can do on this computer. Run it only if you trust its author.

The answer is remembered until the file changes. Run it?</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>setup.Dependencies</name>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Dependencies.py"/>
        <source>3 GB with an NVIDIA GPU, 0.2 GB without</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Dependencies.py"/>
        <source>No local computing on this Mac: Slicer runs here as an Intel program, for which no PyTorch exists that is safe to load model files with (2.10 or later). Use Slicer on Linux or Windows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Dependencies.py"/>
        <source>PyTorch 2.10 or later is needed to run networks (download: about {size}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Dependencies.py"/>
        <source>PyTorch is missing. Install the extension PyTorch in the Extensions Manager and restart Slicer; everything else here works without it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Dependencies.py"/>
        <source>The extension PyTorch is installed, and works after a restart: restart Slicer, then install PyTorch here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Dependencies.py"/>
        <source>This model needs {names}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>setup.InstallFailures</name>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>A file that must be replaced is in use.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>A file&apos;s path is too long for Windows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Check the network, or install from a computer that has one (pip download, then pip install --no-index).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Check the network, then use the current Slicer on Linux or Windows; the details name the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Close other programs, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Install Slicer in a folder of your own, or start it as administrator once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Install the extension PyTorch in the Extensions Manager, restart Slicer, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>PyTorch needs about 2 GB without CUDA and 14 GB with it while it is unpacked: free that much, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Restart Slicer and try again before anything else is done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Set HTTPS_PROXY to the address that your network&apos;s administrators give, restart Slicer, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Slicer&apos;s folder may not be written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The details name them; uninstall what another extension has installed, or use a fresh Slicer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The details say why; Check my setup tells what is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The download broke off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The installation failed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The package server offered nothing: there is no connection to it, or no build for this Python.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The packages do not go together with those that are installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The program that chooses the fitting PyTorch is not there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The proxy of your network let nothing through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The server&apos;s certificate was not accepted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>The system ended the installation, probably for want of memory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>There is no build of a package for this Python and system.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>There is no connection to the package server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>There is not enough room on the disk.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>There was not enough memory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Try again; what has been downloaded whole is not downloaded again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Turn on Windows&apos; long paths (LongPathsEnabled) or install Slicer in a shorter folder, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Use the current Slicer on Linux or Windows; the details name the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/InstallFailures.py"/>
        <source>Your network may read encrypted traffic: set PIP_CERT to its certificate, restart Slicer, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>setup.Installer</name>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Installer.py"/>
        <source>Another installation is running.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Installer.py"/>
        <source>Installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Installer.py"/>
        <source>Nothing was installed. The panel stays usable; the model cannot be run without them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/Installer.py"/>
        <source>These Python packages will be downloaded and installed into Slicer:

{listed}

Install?</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>setup_check.SetupCheckLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/setup_check/SetupCheckLogic.py"/>
        <source>Packages are being installed.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>setup_check.SetupCheckView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/setup_check/SetupCheckView.py"/>
        <source>Check my setup</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/setup_check/SetupCheckView.py"/>
        <source>Checking: {now}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/setup_check/SetupCheckView.py"/>
        <source>Looks at Python, PyTorch, cards and disk, and makes a small map on each device, in a separate process. Nothing is written or sent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/setup_check/SetupCheckView.py"/>
        <source>Stop checking</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>volumes.ImageReader</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Channel {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Channel {number} lies on another grid than channel 1: {other} against {grid}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Choose a scalar volume; of a sequence, choose one frame.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Choose a volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Choose the volume that the model looks at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Convert it first (module Vector to Scalar Volume) and choose one volume per channel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Load or create its image first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>No volume was given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Press Apply again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>Resample it first (module Resample Scalar/Vector/DWI Volume, reference: channel 1).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>The volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>The volume was changed while it was read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>{called} has no voxels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>{called} has {components} values per voxel (colour or vector image).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>{called} is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/volumes/ImageReader.py"/>
        <source>{called} is not a scalar volume but a {tag}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>worker.SetupProcess</name>
    <message>
        <location filename="SegHiResGradCAMLib/worker/SetupProcess.py"/>
        <source>The check ended without an answer (code {code}): {said} Install Slicer again if this stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/SetupProcess.py"/>
        <source>it said nothing</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>worker.WorkerLink</name>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source> (the GPU&apos;s driver does not work with it)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>Check the Python executable and the folder for temporary files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>Choose a deeper layer or a smaller image, or close other programs; the next Apply starts it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>PyTorch {version} - CPU only: slow{why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>PyTorch {version} - CUDA ({name}, {memory:.0f} GiB)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The computing process could not be started: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The computing process does not answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The computing process ended unexpectedly.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The computing process runs another copy of seghirescam (version {version}, ours is {ours}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The computing process was ended by the system, probably for want of memory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The log may say why; try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>The next Apply starts it again; the log holds the details.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerLink.py"/>
        <source>Uninstall the stray copy: PythonSlicer -m pip uninstall seghirescam.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>worker.WorkerRequest</name>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerRequest.py"/>
        <source>Ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/worker/WorkerRequest.py"/>
        <source>The worker&apos;s answer is incomplete.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
