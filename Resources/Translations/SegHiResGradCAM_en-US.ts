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
        <source>&amp;Apply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>&amp;Class:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>&amp;Go to the most important region</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>&amp;Layer:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>&amp;Model:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>&amp;Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>&amp;Segmentation:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>3D</source>
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
        <source>A model on this computer, a file or a folder: nnU-Net, TotalSegmentator, MONAI bundle, .pt2, TorchScript or *.model.toml (also *.model.json); for bare weights a description can be written. Type it, drop it here, or browse. No code is executed when you pick it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>A point of the deletion curve: the volume as the network saw it there.</source>
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
        <source>Advanced</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>All segments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Arguments:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Ask here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Ask where you point</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Asks about every segment of the segmentation in one forward pass of the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Asks once about the place where it is now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Asks the same question of every method that takes few passes, at every main layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Asks with every move about the place, at the shown layer.</source>
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
        <source>Both signs</source>
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
        <source>Compare methods and models</source>
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
        <source>Compute the shares</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Compute:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>DICOM</source>
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
        <source>E&amp;xplain over:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Ends the check of this map; the map stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Evi&amp;dence:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Evidence against the class too: red speaks for the class, blue against it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Evidence by segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Ex&amp;port...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Export picture...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Export to DICOM...</source>
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
        <source>Follow the crosshair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>From dis&amp;k:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Full check...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Full provenance</source>
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
        <source>Inputs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Install...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Interpolates between the layer&apos;s cells; off shows the cells as they are: a 12 mm cell is no 1 mm finding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Is the map faithful?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Is the model fed as it is meant to be? Compares its predictions with the reference segment, one thing changed at a time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Its class:</source>
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
        <source>Map voxels:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Mask out and re-run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Me&amp;thod:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Method, class, layer and unit beside the map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Moves the slice views to the most important region: the voxel with the strongest evidence.</source>
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
        <source>On which voxels the map is stored: quarters of the layer&apos;s cells (or the volume&apos;s voxels, where they are coarser), the volume&apos;s voxels, or the cells as computed. Between quarters the map is linear: finer voxels take memory and time and say no more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Opac&amp;ity:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Opacity of the overlay in the slice views.</source>
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
        <source>Predict &amp;with the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Python file:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Removes this result and everything that came with it from the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Replaces that part of the image by its surroundings and runs the network again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Result</source>
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
        <source>Says what it costs and starts after you confirm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Sc&amp;ore:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAM.py"/>
        <source>Seg-HiRes-Grad CAM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Share</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Show curves</source>
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
        <source>Shows what would be installed; starts after you confirm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Slices</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Smooth</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Target la&amp;yer:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The Python file that builds the network, where you have one. It is read, and no code is executed before you confirm.</source>
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
        <source>The full provenance: what was asked, of which model, and how much of the score the map explains.</source>
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
        <source>The layer whose map is shown. The layers behind the target layer came in the same pass; finer encoder layers cost a short computation. Ctrl+Shift+Up, Ctrl+Shift+Down: the layer above, below.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The map in the slice views (Ctrl+Shift+E); off gives the former foreground back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The maps of the comparison: a row for each method, a column for each layer. A click shows that map.</source>
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
        <source>The results in this scene: question, method, layer; the marked one is shown. Click a head to sort. Ctrl+Shift+Right: the next result.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>The rows of Evidence by segment: shows the segment, in the middle of the slice views.</source>
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
        <source>Verdict</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Vol&amp;ume:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>Volume rendering of the visible evidence. Show the segments in 3D too (module Segmentations) to see where it lies.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What is asked about at the place: one voxel, or the connected part of the prediction there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What is followed: the crosshair, a list of points, or a box of the Markups module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>What is masked out: the most important region of the map, what is coloured now, a ROI of the scene (Markups), or another segment.</source>
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
        <source>Writes the views as they are, and a figure of the map, as PNG.</source>
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
        <source>bf16 takes half the memory and, where the processor computes in it, half the time; the map is approximate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="Resources/UI/SegHiResGradCAM.ui"/>
        <source>⚠</source>
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
    <name>causes.AskedFirst</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/AskedFirst.py"/>
        <source>Another map is shown now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/AskedFirst.py"/>
        <source>{title} takes {text}. It can be cancelled. Start it?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/AskedFirst.py"/>
        <source>{title}: not started, because you had left the module. Ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/AskedFirst.py"/>
        <source>{title}: not started.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/AskedFirst.py"/>
        <source>{title}: not started. {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/AskedFirst.py"/>
        <source>{title}: what it takes</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>causes.CausesView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/CausesView.py"/>
        <source> Says first how many passes of the network it takes, and asks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/CausesView.py"/>
        <source>Searches the smallest region beside the segment whose masking removes it, in the order of the map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/CausesView.py"/>
        <source>Takes the segments of the chosen segmentation away one by one and in every combination: what does each add to the score?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/CausesView.py"/>
        <source>Takes the volumes away one by one and in every combination: what does each add to the score?</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>causes.SmallestFlip</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/SmallestFlip.py"/>
        <source>No flip was found.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/SmallestFlip.py"/>
        <source>Searching the smallest flip</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/SmallestFlip.py"/>
        <source>Smallest change that flips it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/SmallestFlip.py"/>
        <source>What would flip it?</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>causes.WhatMattered</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>Choose a segmentation with segments (in Inputs).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>Sharing the score out among the segments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>Sharing the score out among the volumes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>Table: {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>The model looks at one volume: there is no other to share the score with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>What mattered?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>Which anatomy?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>Which input image?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/causes/WhatMattered.py"/>
        <source>{title}, mean: {full:.3g} as it is, {none:.3g} with all replaced ({baseline}). Each adds:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>comparison.ComparisonLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source> {left} maps are too large for the folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source> {refused} of {count} cells were refused; the table says why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>Asks the same question of every layer method that takes few passes, at every main layer: a folder of maps beside the volume, and a table.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>Compared in {seconds:.1f} s: {count} maps and a table, {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>Comparing methods</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>Comparison: {of}, {className}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>Methods are compared about one segment: untick All segments (in Inputs).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>No method could answer this question.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/comparison/ComparisonLogic.py"/>
        <source>adding the maps</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>dicom.DicomLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source> They are in Slicer&apos;s DICOM database.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Add the new DICOM objects to Slicer&apos;s DICOM database, too?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Folder with DICOM parametric maps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Import the series again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Opened: {count} map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Opened: {count} maps.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Opening DICOM maps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Shows parametric maps of ours in a folder that explain this volume, with their colours and legend.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Slicer&apos;s DICOM database has lost a slice of the series.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Without its question: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Writes this map, what it was asked about and the regions of its evidence as DICOM objects of the volume&apos;s study. {DICOM_SENTENCE}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Writing DICOM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>Written: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>{said} {others} of other series or makers left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>{sentence}

Write them?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/dicom/DicomLogic.py"/>
        <source>{sentence} Press Export to DICOM again.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>disagreement.DisagreementLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>Both models need the rival class of the contrast; {title} has no &apos;{rivalName}&apos;.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>Choose the class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>Compared in {seconds:.1f} s: {maps} maps, the sets as segments, and a table, {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>Comparing two models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>Dice of A ({first}) and B ({second}): {dice:.3f}. {sizes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>The model says its classes once it has been opened: press Predict.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>{title} and {title2}: {className}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementLogic.py"/>
        <source>{what}: {mean} {unit} a voxel at {layer}, {inside} inside</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>disagreement.DisagreementView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementView.py"/>
        <source>Both models predict the class; where only one of them finds it, and where both do, both are asked why: the three sets as segments, a map of each model for each, and a table.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementView.py"/>
        <source>Its class...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/DisagreementView.py"/>
        <source>Second model...</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>disagreement.SecondModel</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>Choose a second model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>Choose another model than the first: it would agree with itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>Choose the second model&apos;s class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>No code was executed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>Reading the second model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>The second model looks at {second} volume(s), the first at {first}: compare them on the command line (&apos;seghirescam disagree --image-b&apos;).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>The second model runs its author&apos;s code, and that was not agreed to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>The second model says its classes once it has been opened: predict with it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/disagreement/SecondModel.py"/>
        <source>The second model&apos;s file is not known on this computer: pick it again as the first model.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>draft.DraftForm</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftForm.py"/>
        <source>Choose the Python file that builds it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftForm.py"/>
        <source>Choose which function or class of the file builds it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftForm.py"/>
        <source>Fill in the argument {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftForm.py"/>
        <source>Name the {word}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>draft.DraftLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Finds out by names and shapes what the weights are for, and asks what they do not tell. No code is executed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Found: {network}. {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>It stands beside the weights, and is never replaced: move it away to write another.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>MONAI, nibabel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Move it away, or copy the weights into a folder of your own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Open {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Reading the weights</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>There is no Python file at the typed path.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Write a description...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Writing the description</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>Written: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>as the network&apos;s last step says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>binary: one channel, one object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>none: it returns logits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>read from the network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>sigmoid: each class by itself</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>sigmoid: it returns probabilities</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>softmax: it returns probabilities</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>softmax: one class a voxel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftLogic.py"/>
        <source>{order} (as {whose})</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>draft.DraftView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>Choose...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>How the network&apos;s outputs become classes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>Images are padded to multiples of it: 2 for each halving in the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>Names of the input&apos;s channels in their order, with commas between them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>Names of the output&apos;s channels in their order, background included, with commas between them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>The function or class of the Python file that builds the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>The order in which the network was fed a volume&apos;s axes in its training.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>What the network itself applies last.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>What the network&apos;s class or function is called with and the weights do not tell, a line each.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/draft/DraftView.py"/>
        <source>Writes the description beside the weights and opens it as the model. No code is executed.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>feeding.FeedingLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/feeding/FeedingLogic.py"/>
        <source>Checked in {seconds:.0f} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/feeding/FeedingLogic.py"/>
        <source>Checking how the model is fed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/feeding/FeedingLogic.py"/>
        <source>Is the model fed as it is meant to be? Predicts with axes, head, normalisation and orientation changed one at a time, compares with the reference segment and says which fits best: up to about 20 predictions, which can be cancelled. Changes nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/feeding/FeedingLogic.py"/>
        <source>{what}: Dice {dice:.3f}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>linked.EvidenceRowsLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/EvidenceRowsLogic.py"/>
        <source>Evidence by segment: go to...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/EvidenceRowsLogic.py"/>
        <source>Press Evidence by segment again for a new table.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/EvidenceRowsLogic.py"/>
        <source>There is no segment &apos;{name}&apos; any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/EvidenceRowsLogic.py"/>
        <source>{name} at R {r:.0f}, A {a:.0f}, S {s:.0f} mm.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>linked.MaskedLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/MaskedLogic.py"/>
        <source>A point of the deletion curve: the volume as the network saw it there. Nothing is asked of the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/MaskedLogic.py"/>
        <source>Masking out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/MaskedLogic.py"/>
        <source>Nothing masked out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/MaskedLogic.py"/>
        <source>The volume itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/MaskedLogic.py"/>
        <source>{percent:.3g} % masked out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/linked/MaskedLogic.py"/>
        <source>{percent:.3g} % of what may be removed is masked out.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>live.LiveLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveLogic.py"/>
        <source>Another model was chosen: tick it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveLogic.py"/>
        <source>Asking about a place</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveLogic.py"/>
        <source>Follow {pointer}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveLogic.py"/>
        <source>It is nowhere in the views yet.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>live.LiveMap</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveMap.py"/>
        <source>{kind}: {place}, in {seconds:.2f} s.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>live.LiveQuestion</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveQuestion.py"/>
        <source>Choose the class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveQuestion.py"/>
        <source>The model says its classes once it has been opened: press Predict.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveQuestion.py"/>
        <source>box at {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveQuestion.py"/>
        <source>part of predicted {name} at {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveQuestion.py"/>
        <source>voxel at {place}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>live.LiveView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveView.py"/>
        <source>Asks once about the place where it is now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveView.py"/>
        <source>Asks with every move about the place, at the shown layer. The newest place counts; it ends when you leave the module. What the map is about stands in its legend.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveView.py"/>
        <source>One voxel of the model&apos;s grid.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveView.py"/>
        <source>The connected part of the model&apos;s own prediction, 5 mm around at most.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveView.py"/>
        <source>predicted part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/live/LiveView.py"/>
        <source>voxel</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>model.Channels</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/Channels.py"/>
        <source>Choose a volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/Channels.py"/>
        <source>Choose the volume for {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/Channels.py"/>
        <source>Choose the volumes for {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/Channels.py"/>
        <source>This model looks at {count} volumes at once; the panel can give it {count2}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/Channels.py"/>
        <source>{names} are the same volume</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>model.ModelFacts</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>, {count} channels ({names})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>; runs its author&apos;s code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>Read when you press Apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>Reading what the model says about itself...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>This cannot be used as a model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>classes known after opening</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>{count} class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelFacts.py"/>
        <source>{count} classes</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>model.ModelList</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>A model file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>Demo network: honest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>Demo network: shortcut</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>Its path is not known on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>Learnt that a bright ring makes a body a lesion.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>Learnt to look for a marker away from the lesion.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelList.py"/>
        <source>{name} (not found)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>model.ModelLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelLogic.py"/>
        <source>No code was executed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelLogic.py"/>
        <source>Reading the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelLogic.py"/>
        <source>The typed folder is looked at in a moment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelLogic.py"/>
        <source>There is no file or folder at the typed path: correct it, or choose a model from the list.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelLogic.py"/>
        <source>This model runs its author&apos;s code, and that was not agreed to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelLogic.py"/>
        <source>Write or open a description of these weights first.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>model.ModelView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelView.py"/>
        <source>Choose a model...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelView.py"/>
        <source>Folder of a model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/model/ModelView.py"/>
        <source>Vol&amp;ume:</source>
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
        <source>not supported by the model</source>
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
    <name>painting.PaintingLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingLogic.py"/>
        <source> (Asked of the map of {of}.)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingLogic.py"/>
        <source>Masked out in {seconds:.1f} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingLogic.py"/>
        <source>Masking out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingLogic.py"/>
        <source>Replaces that part of the image by its surroundings and runs the network again: does the segment stay? The masked-out part and the segments before and after come into the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingLogic.py"/>
        <source>adding the segments</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>painting.PaintingRegion</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>A box drawn with the Markups module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>Another segment of the chosen segmentation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>Coloured region ({percent:.0f} %)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>Half the evidence that lies away from the explained pixels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>Most important outside ({half})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>Most important region ({half})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>ROI: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>Segment: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>The smallest region that holds half the evidence.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/painting/PaintingRegion.py"/>
        <source>What the Evidence slider leaves coloured.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>panel.Controls</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Controls.py"/>
        <source>Wait for what is running, or cancel it.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>panel.JobRunner</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/JobRunner.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/JobRunner.py"/>
        <source>Internal error in the module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/JobRunner.py"/>
        <source>Please report the details.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/JobRunner.py"/>
        <source>The volume for {name}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>panel.Marks</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Marks.py"/>
        <source>not supported</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>panel.Notices</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Notices.py"/>
        <source> and {more} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Notices.py"/>
        <source>Internal error in the module.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Notices.py"/>
        <source>Please report the details.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>panel.Presenter</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>Cancelled. The scene is unchanged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>Choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>Packages are being installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>Stopped, because a node that was being explained was removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>Stopped, because the map that it was about was removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/Presenter.py"/>
        <source>There is no scene to work on.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>pictures.PictureLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Drawing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Folder for the pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>The files could not be written: is the disk full, or the folder read-only?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>The files could not be written: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Writes the views as they are, without the annotations in their corners, and a figure of the map for a paper: two PNG files in a folder that you choose.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Writing the page</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Written: {files}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>Written: {files}. There are no views to be written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>{done} Press Export picture again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/pictures/PictureLogic.py"/>
        <source>{former} A page to be read: {file}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>pointing.Pointer</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/pointing/Pointer.py"/>
        <source>R {r:.1f}, A {a:.1f}, S {s:.1f} mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/pointing/Pointer.py"/>
        <source>the box {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/pointing/Pointer.py"/>
        <source>the crosshair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/pointing/Pointer.py"/>
        <source>the points {name}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>prediction.PredictionLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/prediction/PredictionLogic.py"/>
        <source> Not found: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/prediction/PredictionLogic.py"/>
        <source>Check that the volume is what the model was trained on; no segmentation was added.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/prediction/PredictionLogic.py"/>
        <source>Predicted by {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/prediction/PredictionLogic.py"/>
        <source>Predicted in {seconds:.1f} s: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/prediction/PredictionLogic.py"/>
        <source>Runs the model&apos;s own inference and adds its classes as segments; then any of them can be explained.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/prediction/PredictionLogic.py"/>
        <source>The model found none of its classes in this volume.</source>
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
    <name>question.AllSegmentsLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source> The maps are on their layers&apos; cells: as finer ones they would take too much memory together.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>&apos;{label}&apos; is about no segment: choose another set in Explain over.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>1 forward pass for all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>Asks about every segment of the segmentation in one forward pass of the network, each with the class of its name, or all with the class that is chosen below: one result a segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>Done in {seconds:.1f} s, {passesText}. {told}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>adding the maps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>without running the network again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/AllSegmentsLogic.py"/>
        <source>{count} forward passes for all</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>question.Choices</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>All passes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Approximate (bf16)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Automatic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Contrast with a rival</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>False negatives against the segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>False positives against the segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Full (fp32)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>GPU (CUDA)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Largest part of the segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Log-odds of the class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Logit of the class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>On quarters of the layer&apos;s cells</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>On the layer&apos;s cells</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>On the volume&apos;s voxels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Predicted class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Preview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Seg-HiRes-Grad CAM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Segment and predicted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/Choices.py"/>
        <source>Whole image</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>question.QuestionLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>

Cost: {cost}. F, B: passes forward and backward.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source> Slow: a pass for each channel K or step.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>A segment whose name is no class&apos;s is left out, and named.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>Choose the class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>Deepest (as in the paper)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>Default: deepest with 2 cells across</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>Each segment&apos;s own, by its name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>In 3D its cells are often larger than the segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>Its classes are known once it has been opened: press Predict.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>Listing the layers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>No class is called like the segment &apos;{name}&apos;: choose the class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionLogic.py"/>
        <source>The deepest level that resolves the segment.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>question.QuestionView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionView.py"/>
        <source>Choose the class...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionView.py"/>
        <source>Choose the rival...</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>question.QuestionWords</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>A class cannot be its own rival.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>Choose a model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>Choose a segment that the model should draw.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>Choose a segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>Choose a segmentation, or let the model predict one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>Choose the class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>Choose the rival class of the contrast (in Advanced).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>No segment is called like a class of the model: choose the class of all.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>No segment is left: each class is the rival itself, or none. Choose another rival (in Advanced).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>One segment is compared with what the model draws: untick All segments.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>The model is being read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>The model says its classes once it has been opened: press Predict.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>The model&apos;s file is not known on this computer: pick it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/QuestionWords.py"/>
        <source>The segmentation has no segments: choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>question.SegmentClasses</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/SegmentClasses.py"/>
        <source>Its class is the rival itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/SegmentClasses.py"/>
        <source>Left out: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/SegmentClasses.py"/>
        <source>No class of the model is called so.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/question/SegmentClasses.py"/>
        <source>{name} as {className}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>recall.RecallLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/recall/RecallLogic.py"/>
        <source>Every segment is called like a class of {model}, the only known model of which that is so. Ask it?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/recall/RecallLogic.py"/>
        <source>The worker is busy with another question.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/recall/RecallLogic.py"/>
        <source>Wait for its answer, or cancel it.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.CausesTable</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Empty (NaN) where the value is exact.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>How much of what is explained lies inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Its volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Negative: it spoke against.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Of the map&apos;s positive evidence inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Shapley value: what it adds to the mean score.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>What was taken away and put back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Which anatomy mattered</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>Which input image mattered</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>adds, {unit}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>share of evidence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>share of the change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>share of the pixel set</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/CausesTable.py"/>
        <source>standard error</source>
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
    <name>results.MaskedVolume</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/MaskedVolume.py"/>
        <source>Ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/MaskedVolume.py"/>
        <source>Masked out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/MaskedVolume.py"/>
        <source>The volume has another size than when it was explained.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.PaintingNode</name>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/PaintingNode.py"/>
        <source>Masked out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/scene/results/PaintingNode.py"/>
        <source>Masked out: {region}</source>
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
    <name>results.RepeatedQuestion</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/RepeatedQuestion.py"/>
        <source>Maps of a comparison are not tested one by one: press Apply for this method and layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/RepeatedQuestion.py"/>
        <source>The volume has changed or moved since this map was made: press Apply again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/RepeatedQuestion.py"/>
        <source>The volume of this map is gone: it cannot be looked at again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/RepeatedQuestion.py"/>
        <source>There is no map: press Apply first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/RepeatedQuestion.py"/>
        <source>This map came with the scene: press Apply to ask its question again, then test the new map.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.ResultLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>A volume of this result is gone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Computing another layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Done in {seconds:.1f} s, without running the network again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Done in {seconds:.1f} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Its other layers cannot be computed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Most important region: R {r:.0f}, A {a:.0f}, S {s:.0f} mm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Showing another layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>The files could not be written: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>The volume or the model is not what it was for this result.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>The worker is busy with another question.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Wait for its answer, or cancel it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>Written: {names} and {last}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultLogic.py"/>
        <source>is the disk full, or the folder read-only?</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.ResultTree</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultTree.py"/>
        <source>Of the full check: supported, unclear, or not supported by the model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultTree.py"/>
        <source>Share of the score that the map adds up to.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.ResultView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultView.py"/>
        <source>Removes the comparison that this map belongs to: all its maps, its table and its folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultView.py"/>
        <source>Removes this result and everything that came with it from the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultView.py"/>
        <source>Writes this map (.nrrd) and its facts (.json).</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>results.ResultWords</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source> ({pixel_set_voxels} voxels of the model{more})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>, of which the map explains {percent:.0f} %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>, {ml:.3g} ml</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>, {percent:.3g} % of the image</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>; the map has no unit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>Comparison: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>Model: {model}, on {device}, {engine}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>Score {score:.4g}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>Why {class_name}? {score_title}, summed over {pixel_set}{size}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/results/ResultWords.py"/>
        <source>{method_title}, layer {name}</source>
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
        <source>Is the map faithful</source>
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
    <name>run.InstallLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/InstallLogic.py"/>
        <source>Installing...</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>run.RunLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunLogic.py"/>
        <source>Asking about all segments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunLogic.py"/>
        <source>Asking the network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunLogic.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunLogic.py"/>
        <source>Cancelling...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunLogic.py"/>
        <source>PyTorch is not installed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunLogic.py"/>
        <source>PyTorch {version} - device shown after the first run</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>run.RunView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunView.py"/>
        <source>&amp;Apply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunView.py"/>
        <source>Ask the network why it drew the segment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunView.py"/>
        <source>C&amp;ancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/run/RunView.py"/>
        <source>Stop the computation; the scene stays as it is.</source>
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
    <name>segments.SegmentEvidenceLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>Choose a segmentation with segments (in Inputs).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>Evidence: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>How much of the evidence lies in which segment of the chosen segmentation: a table beside the map.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>No segment holds evidence; the table says why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>Sharing out the evidence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>Table: {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>There is no map: press Apply first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/segments/SegmentEvidenceLogic.py"/>
        <source>channel {n}</source>
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
    <name>setup.About</name>
    <message>
        <location filename="SegHiResGradCAMLib/setup/About.py"/>
        <source>Documentation, tutorial and source</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/About.py"/>
        <source>Method: T. Rheude, A. Wirtz, A. Kuijper, S. Wesarg, Leveraging CAM Algorithms for Explaining Medical Semantic Segmentation, MELBA 2024:023.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/setup/About.py"/>
        <source>Why did a network draw that segment? Choose volume, segment and model, press Apply: the evidence is laid over the volume. Not for diagnosis.</source>
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
    <name>trust.FastCheckLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/FastCheckLogic.py"/>
        <source>Checking this map: {percent:.0f} %, {phase}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/FastCheckLogic.py"/>
        <source>Not checked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/FastCheckLogic.py"/>
        <source>Not checked. {sentence} {hint}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/FastCheckLogic.py"/>
        <source>This map will be checked when nothing else runs.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>trust.TrustLines</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLines.py"/>
        <source>Belongs to this question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLines.py"/>
        <source>Model-specific and stable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLines.py"/>
        <source>Used by the network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLines.py"/>
        <source>change of ranks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLines.py"/>
        <source>likeness when made again</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>trust.TrustLogic</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>Another layer is shown now: ask for its full check.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>Checked fully.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>Checking fully</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>Estimating the full check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>Table: {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>The curves come with the full check.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>The full check of this map takes {text}. It can be cancelled. Start it?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>The full check was not started, because you had left the module: ask for it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>The full check was not started.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>The full check was not started. {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustLogic.py"/>
        <source>There are no numbers yet: let the map be checked.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>trust.TrustView</name>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustView.py"/>
        <source>Adds a table with the numbers beside the map; Export writes it too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustView.py"/>
        <source>Asks again, removes what the map marks, randomises the weights, adds noise. Says its cost first and starts after you confirm. A map that fails is marked: not supported by the model. It judges the map, not the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="SegHiResGradCAMLib/panel/trust/TrustView.py"/>
        <source>Shows the deletion and insertion curves; changes the layout to one with a plot.</source>
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
