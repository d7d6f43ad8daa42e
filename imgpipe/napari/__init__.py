"""The napari plugin: open a section, measure it, drag its edges, save what can be run again.

It draws and asks; every number comes from the same `batch.run` as on the command line. Only the modules of this
package know Qt, and none of them is imported by the rest of imgpipe.
"""
