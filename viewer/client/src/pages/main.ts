/**
 * What ordinary pages gain from script; every one of them works without it.
 */
import { copyButtons } from './copy';
import { followArrivals } from './arrivals';
import { menus } from './menus';

copyButtons();
menus();
followArrivals();
